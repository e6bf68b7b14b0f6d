package main

import "net/http"

// docs shows the API's document, as it is in the file now.
func docs() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		http.ServeFile(w, r, "docs/openapi.yaml")
	})
}
