using System.Net;
using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>The addresses by which others reach this machine.</summary>
public static partial class LocalAddresses
{
    private const uint Up = 1, Loopback = 8; // IFF_UP, IFF_LOOPBACK of netdevice(7)
    private const ushort Inet = 2, Inet6 = 10; // AF_INET, AF_INET6

    /// <summary>
    /// Of all interfaces that are up, without loopback and link-local ones, in a stable order. Empty where the kernel does not say: getifaddrs(3) needs
    /// AF_NETLINK, which a unit may forbid.
    /// </summary>
    public static unsafe IReadOnlyList<IPAddress> Read()
    {
        if (GetInterfaces(out var first) != 0) return [];
        var addresses = new List<IPAddress>();
        try
        {
            for (var entry = first; entry is not null; entry = entry->Next)
            {
                if ((entry->Flags & (Up | Loopback)) != Up || entry->Address is null) continue;
                if (Parse(entry->Address) is { } address && !IsLinkLocal(address) && !addresses.Contains(address)) addresses.Add(address);
            }
        }
        finally
        {
            FreeInterfaces(first);
        }

        addresses.Sort(static (one, other) => string.CompareOrdinal(one.ToString(), other.ToString()));
        return addresses;
    }

    /// <summary>sockaddr_in has its address at 4, sockaddr_in6 at 8 (ip(7), ipv6(7)).</summary>
    private static unsafe IPAddress? Parse(byte* address) => *(ushort*)address switch
    {
        Inet => new IPAddress(new ReadOnlySpan<byte>(address + 4, 4)),
        Inet6 => new IPAddress(new ReadOnlySpan<byte>(address + 8, 16)),
        _ => null,
    };

    private static bool IsLinkLocal(IPAddress address)
    {
        if (address.IsIPv6LinkLocal) return true;
        Span<byte> bytes = stackalloc byte[16];
        // RFC 3927: 169.254/16.
        return address.TryWriteBytes(bytes, out var length) && length == 4 && bytes[0] == 169 && bytes[1] == 254;
    }

    /// <summary>struct ifaddrs of getifaddrs(3), as far as it is read.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Interface
    {
        public Interface* Next;
        public byte* Name;
        public uint Flags;
        public byte* Address;
    }

    [LibraryImport("libc", EntryPoint = "getifaddrs", SetLastError = true)]
    private static unsafe partial int GetInterfaces(out Interface* first);

    [LibraryImport("libc", EntryPoint = "freeifaddrs")]
    private static unsafe partial void FreeInterfaces(Interface* first);
}
