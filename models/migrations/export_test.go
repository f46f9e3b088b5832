package migrations

// Files are the migrations, for tests that go down as well.
var Files = files
