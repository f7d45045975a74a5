using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Server;

/// <summary>Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED, unix(7)).</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct PeerCredentials(uint Uid, uint Gid, int Pid);
