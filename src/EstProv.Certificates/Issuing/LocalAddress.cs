using System.Net;
using System.Net.Sockets;

namespace EstProv.Certificates.Issuing;

/// <summary>The address by which this device reaches a server.</summary>
internal static class LocalAddress
{
    /// <returns>Null when that cannot be said. Nothing is sent.</returns>
    public static IPAddress? Towards(Uri server)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(server.IdnHost, server.Port);
            return socket.LocalEndPoint is IPEndPoint { Address: var address } ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address) : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
