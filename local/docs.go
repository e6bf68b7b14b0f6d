package main

import (
	"net/http"

	"latchkey/local/apidoc"
)

// docs shows the API's document, as it is in the file now.
func docs() http.Handler { return apidoc.Handler("docs/openapi.yaml") }
