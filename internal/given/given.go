// Package given tells whether an app has given what a configuration asks for.
package given

import "reflect"

// Nothing reports whether an interface holds nothing that a method can be called on: nil, or a nil pointer of some type, such
// as a variable of the plugin that is assigned only later.
func Nothing(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
