// Package plot draws multipliers: where they err and by how much, their products
// and gradients along one operand, the singular values that say what a low rank
// keeps, and errors against power of many.
//
// Each picture is a [Picture], which is written as PNG, SVG or PDF. The same
// picture gives the same bytes in every run. Tables are drawn as images, not as a
// shape an entry, so that a file stays below 1 MB. Colours are told apart by
// colour-blind readers too: heat maps go from blue over grey at 0 to red
// (Moreland, "Diverging Color Maps for Scientific Visualization", ISVC 2009),
// lines take the palette of Okabe and Ito and differ in dashes.
//
// Texts keep to the characters of Windows-1252, which are all that a PDF of
// gonum/plot can show.
package plot
