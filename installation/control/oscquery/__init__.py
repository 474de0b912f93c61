"""The whole address space for other software to find: OSCQuery over HTTP and WebSocket, announced by mDNS."""
