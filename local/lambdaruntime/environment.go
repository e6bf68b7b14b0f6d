package lambdaruntime

import (
	"maps"
	"slices"
	"strconv"
)

// Region and AccessKey are what every function is told. A table in DynamoDB Local belongs to
// an access key and a region, so whoever makes the table uses the same ones. The secret is
// as public as the rest: nothing on a laptop checks it.
const (
	Region    = "us-east-1"
	AccessKey = "local"
)

// environment is all a process gets: what Lambda sets, with the function's own variables.
// Nothing of the developer's shell leaks in.
func environment(f Function, address, folder string) []string {
	all := map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local/[$LATEST]",
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_LAMBDA_LOG_LEVEL":            "INFO",
		"AWS_REGION":                      Region,
		"AWS_DEFAULT_REGION":              Region,
		"AWS_ACCESS_KEY_ID":               AccessKey,
		"AWS_SECRET_ACCESS_KEY":           AccessKey,
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                folder,
		"TZ":                              ":UTC",
	}
	maps.Copy(all, f.Environment)
	all["AWS_LAMBDA_RUNTIME_API"] = address
	list := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

func arn(function string) string {
	return "arn:aws:lambda:" + Region + ":123456789012:function:" + function
}
