package starts

import (
	"bytes"
	"os"
	"path"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// links tells whether a bootstrap has a function. The table of the functions' names,
// each between two zeros, is in it even where its symbols are left out.
func links(content []byte, name string) bool {
	return bytes.Contains(content, []byte("\x00"+name+"\x00"))
}

// unnamed are functions that no bootstrap has. A program that looks up a method by a
// name which it makes at run time has to keep every exported method of every type
// that it reaches, those of the SDK's and the vendors' clients, too. What runs a
// template does so.
var unnamed = [...]string{
	"text/template.(*Template).Execute", "text/template.(*state).walk", "html/template.(*Template).Execute", "text/template/parse.Parse",
	"reflect.Value.MethodByName", "reflect.(*rtype).MethodByName", "reflect.Value.Method", "reflect.(*rtype).Method",
}

// printing is where protobuf, in which the numbering plan is kept, looks up a method
// by its name. It comes along with whoever reads a number.
const printing = "google.golang.org/protobuf/internal/descfmt.formatListOpt"

// The linker has left out what nobody calls.
func TestNothingIsCalledByItsName(t *testing.T) {
	for _, step := range bench.Template(t).Functions {
		f := &function{name: step.Name(), root: bench.Root(), folder: path.Join(step.Folder, "lambda")}
		err := f.build(t)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(f.file)
		if err != nil {
			t.Fatal(err)
		}
		if !links(content, "main.main") || !links(content, "reflect.Value.Interface") {
			t.Fatalf("%s does not name its functions", f.name)
		}
		for _, name := range unnamed {
			reflects := strings.HasPrefix(name, "reflect.")
			if links(content, name) && !(reflects && links(content, printing)) {
				t.Errorf("%s links %s", f.name, name)
			}
		}
	}
}
