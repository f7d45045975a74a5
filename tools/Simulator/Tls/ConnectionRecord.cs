using System.Buffers;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;

namespace EstProv.Simulator.Tls;

/// <summary>What is known of one TCP connection.</summary>
public sealed class ConnectionRecord
{
    private const int Enough = 16 * 1024;
    private readonly ArrayBufferWriter<byte> _sent = new(4096);
    private volatile bool _decided;

    /// <summary>Key of the record in the connection's items.</summary>
    public static object Key { get; } = new();

    public required string Id { get; init; }

    /// <summary>Null until the server name has told, where one port serves all.</summary>
    public SimulatorService? Service { get; set; }

    /// <summary>Null until the server has said hello.</summary>
    public bool? Resumed { get; private set; }

    /// <summary>The handshake is done.</summary>
    public bool Established { get; set; }

    public ClientIdentity? Client { get; set; }

    /// <summary>The next answer goes out with the status line of HTTP/1.0.</summary>
    internal bool AnswersAsHttp10 { get; set; }

    internal ConnectionContext? Context { get; init; }

    /// <summary>The TLS session; null before its handshake has begun.</summary>
    internal SslStream? Tls { get; set; }

    /// <summary>Called once, at the server's first bytes.</summary>
    internal Action? AtFirstBytes { get; set; }

    internal void Sent(ReadOnlySpan<byte> bytes)
    {
        AtFirstBytes?.Invoke();
        AtFirstBytes = null;
        if (_decided)
        {
            return;
        }

        _sent.Write(bytes);
        Resumed = ServerHelloReader.IsResumed(_sent.WrittenSpan);
        _decided = Resumed is not null || _sent.WrittenCount > Enough;
    }
}
