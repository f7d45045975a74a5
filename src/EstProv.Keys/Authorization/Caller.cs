using System.Runtime.InteropServices;

namespace EstProv.Keys.Authorization;

/// <summary>Who asks, as the kernel says (SO_PEERCRED).</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Caller(uint Uid, int Pid);
