/*
 * What Wine 8 lacks and a Go program needs, for wine-test. It is put into the
 * test's own Wine prefix as system32\bcryptprimitives.dll, which every Go program
 * loads at its start. It is never shipped.
 *
 * 1. ProcessPrng, the system's random numbers.
 * 2. Unix sockets (AF_UNIX), which Windows has since Windows 10 version 1803 and
 *    Wine 8 has not. A TCP socket on loopback stands in for each; a file at the
 *    socket's path holds its port. So wine-test proves that the local API is used
 *    rightly, and nothing about who may open a socket on real Windows. Compiled
 *    with -DNO_UNIX_SOCKETS, this is left out, as on Windows Server 2016.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>

#define AF_UNIX_FAMILY 1
#define MOST_SOCKETS 64

struct unix_address {
	unsigned short family;
	char path[108];
};

static SOCKET(WSAAPI *real_socket)(int, int, int, LPWSAPROTOCOL_INFOW, GROUP, DWORD);
static int(WSAAPI *real_bind)(SOCKET, const struct sockaddr *, int);
static int(WSAAPI *real_connect)(SOCKET, const struct sockaddr *, int);
static int(WSAAPI *real_getsockname)(SOCKET, struct sockaddr *, int *);

/* The sockets that were bound to a path, to answer getsockname. */
static struct {
	SOCKET socket;
	struct unix_address address;
} bound[MOST_SOCKETS];
static int bound_next;
static SRWLOCK bound_lock = SRWLOCK_INIT;

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *to, SIZE_T size)
{
	while (size > 0) {
		ULONG part = size > 1 << 20 ? 1 << 20 : (ULONG)size;
		if (!SystemFunction036(to, part))
			return FALSE;
		to += part;
		size -= part;
	}
	return TRUE;
}

static SOCKET WSAAPI shim_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags)
{
	int local = family == AF_UNIX_FAMILY;
	SOCKET s = real_socket(local ? AF_INET : family, type, local ? IPPROTO_TCP : protocol, info, group, flags);
	AcquireSRWLockExclusive(&bound_lock);
	for (int i = 0; i < MOST_SOCKETS; i++)
		if (bound[i].socket == s) /* of a socket that was closed */
			bound[i].address.family = 0;
	ReleaseSRWLockExclusive(&bound_lock);
	return s;
}

static void wide_path(const struct sockaddr *address, int size, WCHAR wide[MAX_PATH])
{
	struct unix_address named = {0};
	memcpy(&named, address, size < (int)sizeof named ? size : (int)sizeof named - 1);
	MultiByteToWideChar(CP_UTF8, 0, named.path, -1, wide, MAX_PATH);
}

static int WSAAPI shim_bind(SOCKET s, const struct sockaddr *address, int size)
{
	WCHAR path[MAX_PATH];
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int length = sizeof loopback;
	char port[8];
	DWORD written;

	if (address->sa_family != AF_UNIX_FAMILY)
		return real_bind(s, address, size);
	wide_path(address, size, path);
	HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		WSASetLastError(GetLastError() == ERROR_FILE_EXISTS ? WSAEADDRINUSE : WSAEACCES);
		return SOCKET_ERROR;
	}
	if (real_bind(s, (struct sockaddr *)&loopback, sizeof loopback) || real_getsockname(s, (struct sockaddr *)&loopback, &length)) {
		CloseHandle(file);
		DeleteFileW(path);
		return SOCKET_ERROR;
	}
	WriteFile(file, port, sprintf(port, "%d", ntohs(loopback.sin_port)), &written, NULL);
	CloseHandle(file);

	AcquireSRWLockExclusive(&bound_lock);
	bound[bound_next % MOST_SOCKETS].socket = s;
	memset(&bound[bound_next % MOST_SOCKETS].address, 0, sizeof bound[0].address);
	memcpy(&bound[bound_next % MOST_SOCKETS].address, address, size < (int)sizeof bound[0].address ? size : (int)sizeof bound[0].address);
	bound_next++;
	ReleaseSRWLockExclusive(&bound_lock);
	return 0;
}

static int WSAAPI shim_connect(SOCKET s, const struct sockaddr *address, int size)
{
	WCHAR path[MAX_PATH];
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char port[8] = "";
	DWORD got = 0;

	if (address->sa_family != AF_UNIX_FAMILY)
		return real_connect(s, address, size);
	wide_path(address, size, path);
	HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
	if (file != INVALID_HANDLE_VALUE) {
		ReadFile(file, port, sizeof port - 1, &got, NULL);
		CloseHandle(file);
	}
	if (got == 0) {
		WSASetLastError(WSAECONNREFUSED);
		return SOCKET_ERROR;
	}
	loopback.sin_port = htons((u_short)atoi(port));
	return real_connect(s, (struct sockaddr *)&loopback, sizeof loopback);
}

static int WSAAPI shim_getsockname(SOCKET s, struct sockaddr *address, int *size)
{
	int found = 0;
	AcquireSRWLockShared(&bound_lock);
	for (int i = 0; i < MOST_SOCKETS && !found; i++) {
		if (bound[i].address.family != AF_UNIX_FAMILY || bound[i].socket != s || *size < (int)sizeof bound[i].address)
			continue;
		memcpy(address, &bound[i].address, sizeof bound[i].address);
		*size = sizeof bound[i].address;
		found = 1;
	}
	ReleaseSRWLockShared(&bound_lock);
	return found ? 0 : real_getsockname(s, address, size);
}

/*
 * replace makes GetProcAddress answer with another function: the module's export
 * table gets the address of a jump to it, which must lie within 4 GB after the
 * module, since the table holds offsets.
 */
static void *replace(BYTE *module, const char *name, void *with)
{
	static BYTE *jumps;
	IMAGE_NT_HEADERS *headers = (void *)(module + ((IMAGE_DOS_HEADER *)module)->e_lfanew);
	IMAGE_EXPORT_DIRECTORY *exports = (void *)(module + headers->OptionalHeader.DataDirectory[0].VirtualAddress);
	DWORD *functions = (void *)(module + exports->AddressOfFunctions);
	DWORD *names = (void *)(module + exports->AddressOfNames);
	WORD *ordinals = (void *)(module + exports->AddressOfNameOrdinals);
	DWORD before;

	for (BYTE *place = module; !jumps && place < module + 0x70000000; place += 0x10000)
		jumps = VirtualAlloc(place, 0x1000, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
	for (DWORD i = 0; jumps && i < exports->NumberOfNames; i++) {
		if (strcmp((char *)module + names[i], name))
			continue;
		DWORD *function = &functions[ordinals[i]];
		void *real = module + *function;
		jumps[0] = 0x48, jumps[1] = 0xb8; /* mov rax, with */
		memcpy(jumps + 2, &with, sizeof with);
		jumps[10] = 0xff, jumps[11] = 0xe0; /* jmp rax */
		VirtualProtect(function, sizeof *function, PAGE_READWRITE, &before);
		*function = (DWORD)(jumps - module);
		VirtualProtect(function, sizeof *function, before, &before);
		jumps += 16;
		return real;
	}
	return NULL;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
#ifndef NO_UNIX_SOCKETS
	if (reason == DLL_PROCESS_ATTACH) {
		BYTE *winsock = (BYTE *)GetModuleHandleA("ws2_32.dll"); /* linked, so it is there */
		real_socket = replace(winsock, "WSASocketW", shim_socket);
		real_bind = replace(winsock, "bind", shim_bind);
		real_connect = replace(winsock, "connect", shim_connect);
		real_getsockname = replace(winsock, "getsockname", shim_getsockname);
	}
#endif
	return TRUE;
}
