package main

import (
	"fmt"
	"net/url"
	"strconv"
)

// settings are what the developer chooses for the run as a whole; the functions' own
// variables pass through environment.go.
type settings struct {
	port, phonePort int    // 0 picks a free one
	provider        string // verify or authy
	endpoint        string // of DynamoDB; "" runs our own
	table           string
}

func readSettings(getenv func(string) string) (settings, error) {
	s := settings{provider: getenv("PROVIDER"), endpoint: getenv("AWS_ENDPOINT_URL_DYNAMODB"), table: getenv("TABLE_NAME")}
	var err error
	s.port, err = portSetting(getenv, "PORT", 3000)
	if err != nil {
		return s, err
	}
	s.phonePort, err = portSetting(getenv, "PHONE_PORT", 3001)
	if err != nil {
		return s, err
	}
	if s.port == s.phonePort && s.port != 0 {
		return s, fmt.Errorf("PORT and PHONE_PORT are both %d: they must differ", s.port)
	}
	if s.table == "" {
		s.table = "latchkey"
	}
	switch s.provider {
	case "":
		s.provider = "verify"
	case "verify", "authy":
	default:
		return s, fmt.Errorf("PROVIDER is %q: it must be verify or authy", s.provider)
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_EVENTBRIDGE", "TWILIO_API_URL", "TWILIO_VERIFY_URL", "AUTHY_API_URL", "PUBLIC_URL"} {
		err := checkURL(name, getenv(name))
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func portSetting(getenv func(string) string, name string, standard int) (int, error) {
	text := getenv(name)
	if text == "" {
		return standard, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return 0, fmt.Errorf("%s is %q: it must be a port number from 0 (any free one) to 65535", name, text)
	}
	return port, nil
}

func checkURL(name, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s is %q: it must be an address such as http://localhost:8000", name, text)
	}
	return nil
}
