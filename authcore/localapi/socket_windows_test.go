package localapi

// privateModes is false: file modes mean nothing on Windows.
const privateModes = false
