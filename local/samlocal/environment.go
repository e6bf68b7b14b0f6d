package samlocal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// passed are the developer's variables that SAM, make, go and Docker may need. All others stay
// out: SAM hands AWS keys on to the functions, and a variable that the template declares
// replaces the template's value.
func passed() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "LANG", "TERM", "NO_COLOR",
		"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM",
		"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
		"GOROOT", "GOPATH", "GOCACHE", "GOMODCACHE", "GOENV", "GOFLAGS", "GOTOOLCHAIN", "GOEXPERIMENT", "GOWORK", "GO111MODULE",
		"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOVCS", "GOAUTH",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
		"PYENV_ROOT", "PYENV_VERSION", "SAM_CLI_CONTAINER_CONNECTION_TIMEOUT",
		// Windows cannot start a program without some of these.
		"SystemRoot", "SYSTEMROOT", "SystemDrive", "ComSpec", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "ProgramData", "ProgramFiles",
	}
}

// environ is the environment of SAM's commands, built from nothing.
func environ(o Options, folder string) []string {
	declared := map[string]bool{}
	for _, f := range o.Functions {
		for name := range f.Environment {
			declared[name] = true
		}
	}
	own := map[string]string{
		"SAM_CLI_TELEMETRY": "0",
		"GOARCH":            runtime.GOARCH, // the Makefile is not told the architecture otherwise
		"TMPDIR":            filepath.Join(folder, workFolder),
		// No key, profile or role of the developer's is found anywhere.
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"BOTO_CONFIG":                 os.DevNull,
		"AWS_EC2_METADATA_DISABLED":   "true",
	}
	if o.Engine != nil && o.Engine.address != "" {
		own["DOCKER_HOST"] = o.Engine.address
	}
	var list []string
	for _, pair := range o.Environ {
		name, _, _ := strings.Cut(pair, "=")
		_, ours := own[name]
		if slices.Contains(passed(), name) && !declared[name] && !ours {
			list = append(list, pair)
		}
	}
	for name, value := range own {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// variables is the document that SAM's option --env-vars takes: what all functions that have a
// name agree on, and a block for each function with what they do not.
func variables(values map[string]map[string]string) map[string]map[string]string {
	const all = "Parameters"
	common, differs := map[string]string{}, map[string]bool{}
	for _, function := range values {
		for name, value := range function {
			first, known := common[name]
			differs[name] = differs[name] || known && first != value
			common[name] = value
		}
	}
	document := map[string]map[string]string{all: {}}
	for name, value := range common {
		if !differs[name] {
			document[all][name] = value
		}
	}
	for id, function := range values {
		for name, value := range function {
			if !differs[name] {
				continue
			}
			if document[id] == nil {
				document[id] = map[string]string{}
			}
			document[id][name] = value
		}
	}
	return document
}

// writeVariables writes the file for this user alone, also over one that others could read.
func writeVariables(path string, values map[string]map[string]string) error {
	data, err := json.MarshalIndent(variables(values), "", "  ")
	if err != nil {
		return err
	}
	err = os.Remove(path)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("replacing the functions' variables: %w", err)
	}
	err = os.WriteFile(path, append(data, '\n'), 0o600)
	if err != nil {
		return fmt.Errorf("writing the functions' variables: %w", err)
	}
	return nil
}
