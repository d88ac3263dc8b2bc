package main

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
)

// recentEnough is how long ago somebody may have signed in who ends the session of another browser.
const recentEnough = 10 * time.Minute

// showDevices shows where the current account is signed in.
func (s *site) showDevices(c *fiber.Ctx) error {
	devices, err := s.accounts.Devices(c)
	if err != nil {
		return err
	}
	return s.render(c, look{view: "devices", title: "Devices", data: devices})
}

// endDevice signs the account out of another browser. Whoever found this one open cannot: its guard asks for the password.
func (s *site) endDevice(c *fiber.Ctx) error {
	if err := s.accounts.EndDevice(c, form(c, "token")); err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.SendStatus(fiber.StatusNoContent)
	}
	s.accounts.AddFlash(c, multiaccount.FlashSuccess, "You are signed out there.")
	return c.Redirect("/devices", fiber.StatusSeeOther)
}

// deviceName says coarsely which browser asks. More than that would help those who look over a shoulder, not the person.
func deviceName(c *fiber.Ctx) string {
	agent := c.Get(fiber.HeaderUserAgent)
	// The order matters: most browsers also claim to be some of those below them.
	browser := firstOf(agent, "Edg", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := firstOf(agent, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS",
		"Linux", "Linux")
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " on " + system
}

// firstOf returns the name of the first mark that a text has. Marks and names alternate.
func firstOf(text string, marks ...string) string {
	for i := 0; i < len(marks); i += 2 {
		if strings.Contains(text, marks[i]) {
			return marks[i+1]
		}
	}
	return ""
}
