package multiaccount

// LocalPath is localPath, for the fuzz test.
var LocalPath = localPath
