package tenant

// NameKey lets tests fold a key again, which may be no name any more.
var NameKey = nameKey
