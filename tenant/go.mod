module github.com/multiaccount-go/multiaccount/tenant

go 1.25.0

replace github.com/multiaccount-go/multiaccount => ..

require (
	github.com/gofiber/fiber/v2 v2.52.15
	github.com/mtibben/confusables v0.0.0-20210201002637-9d1b0723b659
	github.com/multiaccount-go/multiaccount v0.0.0-00010101000000-000000000000
	golang.org/x/net v0.57.0
	golang.org/x/text v0.40.0
)

require (
	github.com/andybalholm/brotli v1.2.2 // indirect
	github.com/fasthttp/websocket v1.5.8 // indirect
	github.com/gofiber/contrib/websocket v1.3.4 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.19.1 // indirect
	github.com/mattn/go-colorable v0.1.13 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/rivo/uniseg v0.2.0 // indirect
	github.com/savsgio/gotils v0.0.0-20240303185622-093b76447511 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.73.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
