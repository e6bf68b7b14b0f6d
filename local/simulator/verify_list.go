package simulator

import (
	"net/http"
	"net/url"
	"strconv"
)

// Sizes of a page of a list.
const defaultPage, maxPage = 50, 1000

// listMeta tells where a page stands. Twilio's addresses also carry a page
// token; the number is enough here.
type listMeta struct {
	Page            int     `json:"page"`
	PageSize        int     `json:"page_size"`
	FirstPageURL    string  `json:"first_page_url"`
	PreviousPageURL *string `json:"previous_page_url"`
	URL             string  `json:"url"`
	NextPageURL     *string `json:"next_page_url"`
	Key             string  `json:"key"`
}

// writeList answers with the page that the query asks for.
func writeList[T any](w http.ResponseWriter, r *http.Request, key string, items []T) {
	query := r.URL.Query()
	size, ok := formInt(query, "PageSize", defaultPage, 1, maxPage)
	if !ok {
		invalid("PageSize").write(w)
		return
	}
	page, ok := formInt(query, "Page", 0, 0, 1<<20)
	if !ok {
		invalid("Page").write(w)
		return
	}
	from := min(page*size, len(items))
	to := min(from+size, len(items))
	meta := listMeta{Page: page, PageSize: size, FirstPageURL: pageURL(r.URL.Path, query, 0, size), URL: pageURL(r.URL.Path, query, page, size), Key: key}
	if page > 0 {
		previous := pageURL(r.URL.Path, query, page-1, size)
		meta.PreviousPageURL = &previous
	}
	if to < len(items) {
		next := pageURL(r.URL.Path, query, page+1, size)
		meta.NextPageURL = &next
	}
	writeJSON(w, http.StatusOK, map[string]any{key: append([]T{}, items[from:to]...), "meta": meta})
}

// pageURL keeps the filters of the query.
func pageURL(path string, query url.Values, page, size int) string {
	query.Set("Page", strconv.Itoa(page))
	query.Set("PageSize", strconv.Itoa(size))
	return verifyOrigin + path + "?" + query.Encode()
}
