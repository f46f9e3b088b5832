package activities

// Edge is how every error on rows and mails leaves.
var Edge = edge
