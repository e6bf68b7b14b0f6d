package starts

import (
	"bytes"
	"os"
	"path"
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

// The linker has left out what nobody calls, and no function is half again as large as
// hello, as it is uploaded.
func TestNothingIsCalledByItsName(t *testing.T) {
	least := &function{name: hello, root: bench.Root(), folder: "flowtest/starts/testdata/" + hello}
	err := least.build(t)
	if err != nil {
		t.Fatal(err)
	}
	_, small := least.sizes(t)
	for _, step := range bench.Template(t).Functions {
		f := &function{name: step.Name(), root: bench.Root(), folder: path.Join(step.Folder, "lambda")}
		err := f.build(t)
		if err != nil {
			t.Fatal(err)
		}
		_, zipped := f.sizes(t)
		if zipped > 1.5*small {
			t.Errorf("%s is %.2f x hello", f.name, zipped/small)
		}
		content, err := os.ReadFile(f.file)
		if err != nil {
			t.Fatal(err)
		}
		if !links(content, "main.main") || !links(content, "reflect.Value.Interface") {
			t.Fatalf("%s does not name its functions", f.name)
		}
		for _, name := range unnamed {
			if links(content, name) {
				t.Errorf("%s links %s", f.name, name)
			}
		}
	}
}
