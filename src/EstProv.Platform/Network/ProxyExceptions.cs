using System.Net;

namespace EstProv.Platform.Network;

/// <summary>
/// The hosts that are reached without the proxy (<c>NO_PROXY</c>), separated by commas or blanks: <c>*</c> for all; a host, which stands for
/// what is below it too, with or without a dot or <c>*.</c> before it; an address; a network such as <c>10.0.0.0/8</c>. A port may follow.
/// </summary>
internal sealed class ProxyExceptions(string? list)
{
    private readonly string[] _entries = (list ?? "").Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);

    public bool Cover(string host, int port)
    {
        host = host.Trim('[', ']').TrimEnd('.');
        _ = IPAddress.TryParse(host, out var address);
        foreach (var entry in _entries)
        {
            if (entry == "*" || Covers(entry, host, address, port)) return true;
        }

        return false;
    }

    private static bool Covers(string entry, string host, IPAddress? address, int port)
    {
        var name = entry;
        // HOST:PORT or [ADDRESS]:PORT; an address of IPv6 has more colons, and none of a port without the brackets.
        var colon = entry.LastIndexOf(':');
        if (colon >= 0 && (entry[0] == '[' ? entry[colon - 1] == ']' : entry.IndexOf(':', StringComparison.Ordinal) == colon))
        {
            if (entry[(colon + 1)..] != port.ToString()) return false;
            name = entry[..colon];
        }

        name = name.Trim('[', ']').TrimEnd('.');
        if (address is not null)
            return IPNetwork.TryParse(name, out var network) ? network.Contains(address) : IPAddress.TryParse(name, out var one) && one.Equals(address);

        if (name.StartsWith("*.", StringComparison.Ordinal)) name = name[2..];
        else if (name.StartsWith('.')) name = name[1..];
        return name.Length > 0 && host.EndsWith(name, StringComparison.OrdinalIgnoreCase) && (host.Length == name.Length || host[^(name.Length + 1)] == '.');
    }
}
