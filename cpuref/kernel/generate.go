package kernel

//go:generate go run ./asm -kernels vbmi -out vbmi_amd64.s -stubs vbmi_amd64.go -pkg kernel
//go:generate go run ./asm -kernels expand -out expand_amd64.s -stubs expand_amd64.go -pkg kernel
//go:generate go run ./asm -kernels float -out float_amd64.s -stubs float_amd64.go -pkg kernel
//go:generate go run ./asm -kernels rows -out rows_amd64.s -stubs rows_amd64.go -pkg kernel
//go:generate go run ./asm -kernels stored -out stored_amd64.s -stubs stored_amd64.go -pkg kernel
//go:generate go run ./asm -kernels planes -out planes_amd64.s -stubs planes_amd64.go -pkg kernel
//go:generate go run ./asm -kernels elements -out elements_amd64.s -stubs elements_amd64.go -pkg kernel
