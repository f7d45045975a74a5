using System.Net;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>What <c>host</c> stands for in the configuration: this machine's name, and its addresses as they are now.</summary>
internal sealed record HostNames(string Name, IReadOnlyList<IPAddress> Addresses)
{
    public static HostNames Read() => new(Environment.MachineName, LocalAddresses.Read());

    public bool IsName(string name) => Name.Length > 0 && name.Equals(Name, StringComparison.OrdinalIgnoreCase);

    public bool IsAddress(IPAddress address)
    {
        foreach (var own in Addresses)
        {
            if (own.Equals(address)) return true;
        }

        return false;
    }
}
