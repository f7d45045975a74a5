using System.Net;
using System.Net.Sockets;
using System.Text;
using EstProv.Platform.Network;

namespace EstProv.Est.Transport;

/// <summary>Has a proxy connect to the server (CONNECT, RFC 9110 section 9.3.6): what follows on the connection is the server's.</summary>
internal static class ProxyTunnel
{
    /// <summary>Longer heads of an answer to CONNECT are no proxy's.</summary>
    private const int LongestHead = 8 * 1024;

    /// <exception cref="ProxyException">It does not.</exception>
    public static async Task OpenAsync(Socket socket, HttpProxy proxy, DnsEndPoint server, CancellationToken cancel)
    {
        var target = server.Host.Contains(':') && server.Host[0] != '[' ? $"[{server.Host}]:{server.Port}" : $"{server.Host}:{server.Port}";
        var head = new byte[LongestHead];
        int length;
        try
        {
            var unsent = Request(target, proxy.Authorization);
            while (unsent.Length > 0) unsent = unsent[await socket.SendAsync(unsent, SocketFlags.None, cancel).ConfigureAwait(false)..];
            length = await ReadHeadAsync(socket, head, cancel).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw ProxyException.NoAnswer(proxy, target, failure);
        }

        if (length == 0) throw ProxyException.NoAnswer(proxy, target, null);
        if (Status(head.AsSpan(0, length)) is not { } status) throw ProxyException.BadAnswer(proxy);
        if (status is < 200 or > 299) throw ProxyException.Refused(proxy, target, status);
    }

    private static ReadOnlyMemory<byte> Request(string target, string? authorization) => Encoding.ASCII.GetBytes(
        $"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: EstProv\r\n{(authorization is null ? "" : $"Proxy-Authorization: {authorization}\r\n")}\r\n");

    /// <summary>Byte by byte: what comes behind the head is not ours. The server speaks only after us, so there is but the head to wait for.</summary>
    private static async Task<int> ReadHeadAsync(Socket socket, byte[] head, CancellationToken cancel)
    {
        var length = 0;
        while (length < head.Length)
        {
            if (await socket.ReceiveAsync(head.AsMemory(length, 1), SocketFlags.None, cancel).ConfigureAwait(false) == 0) return 0;
            length++;
            if (head[length - 1] == '\n' && (head.AsSpan(0, length).EndsWith("\r\n\r\n"u8) || head.AsSpan(0, length).EndsWith("\n\n"u8))) break;
        }

        return length;
    }

    /// <returns>Null when it is no status line of HTTP/1.</returns>
    private static int? Status(ReadOnlySpan<byte> head)
    {
        const int StatusAt = 9; // behind "HTTP/1.1 "
        if (head.Length < StatusAt + 4 || head[^1] != '\n' || !head.StartsWith("HTTP/1."u8) || head[StatusAt - 1] != ' ') return null;
        var digits = head.Slice(StatusAt, 3);
        return digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') || head[StatusAt + 3] is not ((byte)' ' or (byte)'\r' or (byte)'\n')
            ? null
            : (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + digits[2] - '0';
    }
}
