package main

import "github.com/multiaccount-go/multiaccount/tenant"

// tenantTexts keep tenants and accounts apart where both are on one page.
var tenantTexts = tenant.Texts{
	SwitcherLabel: "Tenant you work in",
	Create:        "Create another tenant",
	NewTitle:      "New tenant",
	NameLabel:     "Name of the tenant",
	DeleteEffect:  "Deletes the tenant with all that it holds, and the members who belong to no other one. This cannot be undone.",
}
