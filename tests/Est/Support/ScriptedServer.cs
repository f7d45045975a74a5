using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Est.Tests.Support;

/// <summary>
/// A TLS server on loopback that answers with raw bytes, so that every quirk of a real EST server can be played. It verifies client
/// certificates for real.
/// </summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<ReceivedRequest, Answer> _script;
    private readonly Lock _gate = new();
    private readonly List<ReceivedRequest> _requests = [];
    private readonly List<TcpClient> _connections = [];

    public ScriptedServer(SslStreamCertificateContext certificate, Func<ReceivedRequest, Answer> script, int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        Certificate = certificate;
        _script = script;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public SslStreamCertificateContext Certificate { get; }

    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>When set, a client certificate is demanded in the handshake and verified against this root.</summary>
    public X509Certificate2? ClientRoot { get; set; }

    /// <summary>Asks for a client certificate without verifying it.</summary>
    public bool AskForClientCertificate { get; init; }

    /// <summary>What a connection meets before TLS; the connection is reset when this returns false.</summary>
    public Func<TcpClient, bool> BeforeTls { get; set; } = _ => true;

    public int Port { get; }

    public int Connections { get; private set; }

    public IReadOnlyList<ReceivedRequest> Requests
    {
        get
        {
            lock (_gate) return [.. _requests];
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        lock (_gate)
        {
            foreach (var connection in _connections) connection.Dispose();
        }
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var connection = _listener.AcceptTcpClient();
                int number;
                lock (_gate)
                {
                    _connections.Add(connection);
                    number = ++Connections;
                }

                new Thread(() => Serve(connection, number)) { IsBackground = true }.Start();
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            return;
        }
    }

    private void Serve(TcpClient connection, int number)
    {
        try
        {
            if (!BeforeTls(connection))
            {
                // Closing with SO_LINGER 0 sends a reset.
                connection.Client?.LingerState = new LingerOption(true, 0);
                return;
            }

            var chainLength = 0;
            using var tls = new SslStream(connection.GetStream());
            tls.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = Certificate,
                EnabledSslProtocols = Protocols,
                ClientCertificateRequired = ClientRoot is not null || AskForClientCertificate,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    if (certificate is null) return ClientRoot is null;
                    chainLength = 1 + chain!.ChainPolicy.ExtraStore.Count;
                    return ClientRoot is null || Verifies((X509Certificate2)certificate, chain.ChainPolicy.ExtraStore);
                },
            });
            var binding = tls.SslProtocol == SslProtocols.Tls12 ? TlsUnique(tls) : null;
            while (Read(tls, number, chainLength) is { } received)
            {
                var request = received with { TlsUnique = binding };
                lock (_gate) _requests.Add(request);
                var answer = _script(request);
                tls.Write(answer.Bytes);
                tls.Flush();
                if (!answer.Close) continue;
                tls.ShutdownAsync().Wait();
                break;
            }
        }
        catch (Exception gone) when (gone is IOException or AuthenticationException or ObjectDisposedException or SocketException)
        {
            return;
        }
        finally
        {
            connection.Dispose();
        }
    }

    private bool Verifies(X509Certificate2 certificate, X509Certificate2Collection sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = TestCa.Now.UtcDateTime;
        chain.ChainPolicy.CustomTrustStore.Add(ClientRoot!);
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        return chain.Build(certificate);
    }

    private static unsafe string TlsUnique(SslStream tls)
    {
        using var binding = tls.TransportContext.GetChannelBinding(ChannelBindingKind.Unique)!;
        return Convert.ToBase64String(new ReadOnlySpan<byte>((void*)binding.DangerousGetHandle(), binding.Size)[(32 + "tls-unique:".Length)..]);
    }

    private static ReceivedRequest? Read(SslStream tls, int connection, int chainLength)
    {
        var head = new List<byte>();
        while (!EndsHead(head))
        {
            var value = tls.ReadByte();
            if (value < 0) return null;
            head.Add((byte)value);
        }

        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines[1..])
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length) : 0];
        tls.ReadExactly(body);
        var first = lines[0].Split(' ');
        return new ReceivedRequest(first[0], first[1], headers, body, connection, tls.RemoteCertificate as X509Certificate2, chainLength);
    }

    private static bool EndsHead(List<byte> head) =>
        head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n';
}
