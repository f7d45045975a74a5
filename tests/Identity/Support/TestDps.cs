using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Identity.Tests.Support;

internal sealed record DpsCall(string Method, string Path, string Body, string? Client, string? Authorization = null);

/// <summary>What the server says; null status text leaves the connection without an answer.</summary>
internal sealed record DpsReply(int Status, string Body, string? RetryAfter = null, string? Date = null)
{
    public string? ContentType { get; init; } = "application/json; charset=utf-8";

    /// <summary>So many bytes of the body are sent, and then nothing.</summary>
    public int? Half { get; init; }
}

/// <summary>A TLS server on loopback that answers as its script says, and remembers what it was asked and with which certificate.</summary>
internal sealed class TestDps : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly CancellationTokenSource _stop = new();

    public TestDps(X509Certificate2 certificate)
    {
        _certificate = certificate;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>A client without a certificate is served too: it has a token.</summary>
    public bool TakesTokens { get; init; }

    public Uri Url => new($"https://localhost:{Port}/");

    public ConcurrentQueue<DpsCall> Calls { get; } = new();

    /// <summary>Null hangs up instead of answering.</summary>
    public Func<DpsCall, DpsReply?> Script { get; set; } = Assigning();

    /// <summary>A well-behaved DPS: 202 assigning, then assigned.</summary>
    public static Func<DpsCall, DpsReply?> Assigning(string hub = "hub.example", string? retryAfter = null) => call => call.Method == "PUT"
        ? new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""", retryAfter)
        : Assigned(hub, call.Path.Split('/')[3]);

    public static DpsReply Assigned(string hub, string device) => new(200,
        $$$"""{"operationId":"4.op","status":"assigned","registrationState":{"registrationId":"{{{device}}}","assignedHub":"{{{hub}}}","deviceId":"{{{device}}}","status":"assigned","substatus":"initialAssignment"}}""");

    public static DpsReply Ended(string status, string error = "") => new(200,
        $$$"""{"operationId":"4.op","status":"{{{status}}}","registrationState":{"status":"{{{status}}}","errorCode":400209,"errorMessage":"{{{error}}}"}}""");

    public static DpsReply Error(int status, string message, string? retryAfter = null) => new(status,
        $$"""{"errorCode":{{status}}002,"trackingId":"t","message":"{{message}}","timestampUtc":"2026-01-01T00:00:00Z"}""", retryAfter);

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception cause) when (cause is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return;
        }
    }

    private async Task ServeAsync(TcpClient connection)
    {
        try
        {
            using (connection)
            {
                await using var tls = new SslStream(connection.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, client, _, _) => client is not null || TakesTokens,
                }, _stop.Token);
                while (await ReadAsync(tls) is { } call)
                {
                    Calls.Enqueue(call);
                    if (Script(call) is not { } reply) return;
                    var head = new StringBuilder($"HTTP/1.1 {reply.Status} X\r\nContent-Length: " +
                        $"{Encoding.UTF8.GetByteCount(reply.Body)}\r\n");
                    if (reply.ContentType is { } type) head.Append($"Content-Type: {type}\r\n");
                    if (reply.RetryAfter is { } wait) head.Append($"Retry-After: {wait}\r\n");
                    if (reply.Date is { } date) head.Append($"Date: {date}\r\n");
                    await tls.WriteAsync(Encoding.UTF8.GetBytes(head.Append("\r\n").Append(reply.Body.AsSpan(0, reply.Half
                        ?? reply.Body.Length)).ToString()), _stop.Token);
                    if (reply.Half is not null) return;
                }
            }
        }
        catch (Exception cause) when (cause is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            return;
        }
    }

    private async Task<DpsCall?> ReadAsync(SslStream tls)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await tls.ReadAsync(one, _stop.Token) == 0) return null;
            text.Append((char)one[0]);
        }

        var lines = text.ToString().Split("\r\n");
        var length = 0;
        string? authorization = null;
        foreach (var line in lines)
        {
            if (line.StartsWith("Authorization:", StringComparison.OrdinalIgnoreCase)) authorization = line[14..].Trim();
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) length = int.Parse(line[15..], CultureInfo.InvariantCulture);
        }

        var body = new byte[length];
        await tls.ReadExactlyAsync(body, _stop.Token);
        var start = lines[0].Split(' ');
        return new DpsCall(start[0], start[1], Encoding.UTF8.GetString(body), tls.RemoteCertificate?.Subject, authorization);
    }
}
