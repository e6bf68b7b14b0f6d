package authy_test

import "latchkey/shared/push"

// What a callback of the vectors says.
const (
	hookKey = "d57d919d11e6b221c9bf6f7c882028f9"
	hookURL = "https://auth.example.com/hooks/authy"
	ref     = "996201c0-b7a7-0133-7c06-0e67b818e6fb"
	asked   = "1234567"
)

var (
	approval = push.Event{Ref: ref, Subject: asked, Decision: push.Approved}
	denial   = push.Event{Ref: ref, Subject: asked, Decision: push.Denied}
)

// vector is a POST signed by somebody else's code. Where the body decides
// nothing, want is empty.
type vector struct {
	name, key, nonce, url, body, signature string
	want                                   push.Event
}

// vectors are four that several clients of the vendor's agree on or that stand in
// their tests, and others made with a separate implementation of Rails' to_query
// in another language.
var vectors = []vector{
	{"logos, unlock methods, nulls", hookKey, "1700000002", hookURL,
		`{"authy_id":1234567,"device_uuid":2102943,"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","approval_request":{"transaction":{"details":{"location":"Bogotá, CO","username":"Ana María"},"device_details":{},"device_geolocation":"","device_signing_time":1700000001,"encrypted":false,"flagged":false,"hidden_details":{"sid":"s_1"},"message":"Log in to Example?","reason":null,"requester_details":null,"status":"approved","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","created_at_time":1699999990,"customer_uuid":15083},"expiration_timestamp":1700000110,"logos":[{"res":"default","url":"https://auth.example.com/l.png"},{"res":"med","url":"https://auth.example.com/m.png"}],"app_id":"582380eb7e1caa03317ec08c"},"signature":"c2ln+bmF0/dXJl==","device":{"city":null,"country":"Colombia","enabled_unlock_methods":["pin","fingerprint"],"ip":"203.0.113.7","multidevice_enabled":true,"os_type":"android","id":2102943}}`,
		"T8zWKh1n3o+6BwEAJ0Vts+iUzEnWBnFc6hJWkTEtLjg=", approval},
	{"keys out of order", hookKey, "1700000003", hookURL,
		`{"uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","authy_id":1234567,"status":"denied","device_uuid":2102943,"callback_action":"approval_request_status","signature":"c2ln+bmF0/dXJl==","approval_request":{"logos":null,"transaction":{"message":"Log in, ok? 50% off & more","flagged":false,"details":{},"hidden_details":{"sid":"s_1"}}},"device":{"id":2102943,"enabled_unlock_methods":["pin","fingerprint"],"city":null,"multidevice_enabled":true}}`,
		"LMO0cc50uHL/8nMcD0780NU+5AOGQhUvZcmrthx/5MA=", denial},
	{"a client's own", "foo", "1455825429", "https://foo.bar/",
		`{"foo":{"bar":{"biz":"foo"}},"qux":"net"}`,
		"uq/wB8AR1Acvn0wFcjm7mmBJyR11nuuMhMy6semsAO8=", push.Event{}},
	{"a client's own, with a blank", "foo", "1455825429", "https://foo.bar/",
		`{"foo":{"bar":{"biz":"foo bar"}},"qux":"net"}`,
		"+fyGys+d5yNJx9SpeKZdf+N77od1t1cC/fVSWDW2+kY=", push.Event{}},
	{"nested", hookKey, "1700000100", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"approval_request":{"transaction":{"hidden_details":{"session":"s1"},"a":{"b":{"c":{"d":"e"}}}}}}`,
		"fpBPLgflSbPMaawAWBOGdJouTLNB2j22kykMyNGHQGU=", push.Event{Ref: ref, Subject: asked, Session: "s1", Decision: push.Approved}},
	{"lists", hookKey, "1700000101", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"l":["b","a",3,true,null,""],"m":[["x","y"],["z"]]}`,
		"cn0Qgacf7wm7IOyEAegl1U5qzX+qaW4XZs4fY7AEGnc=", approval},
	{"nulls and empties", hookKey, "1700000102", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"n":null,"e":"","o":{},"p":[],"q":{"r":{},"s":null}}`,
		"tnpGvmgwUATB0Z/Jqg6wFFQX1wY+lF08RcMhMp/gfmQ=", approval},
	{"unicode", hookKey, "1700000103", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"place":"Zürich, 東京 😀","näme":"é"}`,
		"L1BLrCE+yf77vzQPh6iZceEz4uhdxv6RGxl73irZ9Hc=", approval},
	{"unicode escaped", hookKey, "1700000104", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"place":"Z\u00fcrich, \u6771\u4eac \ud83d\ude00","n\u00e4me":"\u00e9"}`,
		"52cklK4xfEwPPQB0rNGrtdv8MYCtTQLEkl1mpLYBcJQ=", approval},
	{"big integers", hookKey, "1700000105", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"n":12345678901234567890123456789,"m":-9007199254740993}`,
		"yWOor2E8nNjZOsE1Mj1BivZAeTWld+elBzY11VfpmbU=", approval},
	{"fractions", hookKey, "1700000106", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"n":1.50,"m":1e3,"o":-0,"p":1E-7}`,
		"l5CGTmTs6NH4HoRiun2wgyGZnQ+Hx+CL1W4hoPgGdVs=", approval},
	{"booleans", hookKey, "1700000107", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"t":true,"f":false,"l":[true,false]}`,
		"vQsKqYU0VIwukqgN7OfURysTV0NiyKiCjnir9RxYai0=", approval},
	{"names that begin others", hookKey, "1700000108", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"d":{"ip":"1","ip address":"2","ip-a":"3","ip_b":"4","ip1":"5","ip[x]":"6"}}`,
		"Ahn32EMMHPPsaHxAeWSs8HMSosPvCOXbdxovBupHjLE=", push.Event{}},
	{"punctuation", hookKey, "1700000109", hookURL,
		"{\"callback_action\":\"approval_request_status\",\"uuid\":\"996201c0-b7a7-0133-7c06-0e67b818e6fb\",\"status\":\"approved\",\"authy_id\":1234567,\"p\":\"!'()*~-_.+ %&=?/#@:;,|\\\"\\\\<>[]{}^`$\",\"!'()*~\":\"x\"}",
		"KEzCmAmoFX7ycCIay7Go4FEM+FaULVg4sq9d9299rvQ=", approval},
	{"control characters", hookKey, "1700000110", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"c":"\n\t\u0000\u007f\u2028"}`,
		"o6P5KZKRa0/n5fhC4owpz15B6lJWX+DCpsiQIqpUBWc=", approval},
	{"white space and order", hookKey, "1700000111", hookURL,
		"{ \"status\" : \"denied\",\n\t\"authy_id\":\"1234567\", \"z\":[ ] ,\"uuid\":\"996201c0-b7a7-0133-7c06-0e67b818e6fb\"\r\n}",
		"wExjW/1bP+J2LNR+C/MI+d12BeKk7D+VMkPE8Wx3Axk=", denial},
	{"objects in lists", hookKey, "1700000112", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"logos":[{"res":"med","url":"https://x.example/m?a=b"},{"res":"default","url":"u"}],"l":[[],{}]}`,
		"KBB0ol1Hfr7VJnqkIIy5YzSlaPiR2B1oZmzCNfOnW8M=", approval},
	{"only empties inside", hookKey, "1700000113", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"o":{"a":{},"b":[]},"zz":1}`,
		"rVAh4sGzPAiLQRwFY0CoquVhAIndrrjvDE1+hf2/lNE=", approval},
	{"capitals", hookKey, "1700000114", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"B":1,"a":2,"A":3,"b":4}`,
		"fy36UN21Ahpi/M5p9ta3laajVAFF96lJP3LZD6HpHv0=", approval},
	{"prefixes without brackets", hookKey, "1700000115", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"d":{"ip":"1","ip address":"2","ip-a":"3","ip_b":"4","ip1":"5","ip%":"6"},"authy_id2":{"a":1},"auth":[2]}`,
		"DmW+pvOMra+VMGbCz9nGTOK2GoO1wLRgVvlncFX2ZCQ=", approval},
	{"names of nothing and brackets", hookKey, "1700000116", hookURL,
		`{"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","authy_id":1234567,"":"x","a":{"":"y"},"a[b]":"z"}`,
		"v4PIlo50Eglw+NwiWAzdhRpYU06rlidLmcH9eTnZCHI=", push.Event{}},
}
