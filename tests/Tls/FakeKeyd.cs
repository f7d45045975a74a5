using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Tls.Tests;

/// <summary>
/// As much of the Key Service's wire as the provider needs, on a real socket and with a key in memory, so that the tests can count what is asked.
/// </summary>
internal sealed class FakeKeyd : IDisposable
{
    public const string Handle = "v1.c29tZS1rZXk";
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly AsymmetricAlgorithm _key;
    private readonly Thread _thread;
    private int _reads;
    private int _signatures;

    public FakeKeyd(AsymmetricAlgorithm key)
    {
        _key = key;
        SocketPath = Path.Combine(Path.GetTempPath(), $"estprov-{Guid.NewGuid():N}.sock");
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(16);
        _thread = new Thread(Serve) { IsBackground = true };
        _thread.Start();
    }

    public string SocketPath { get; }

    /// <summary>How often the provider has read the public key; it closes each connection, unlike the client in C#.</summary>
    public int ProviderReads => Volatile.Read(ref _reads);

    public int Signatures => Volatile.Read(ref _signatures);

    public byte[] PublicKey => _key.ExportSubjectPublicKeyInfo();

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join();
        File.Delete(SocketPath);
        _key.Dispose();
    }

    private void Serve()
    {
        while (true)
        {
            try
            {
                using var connection = _listener.Accept();
                Answer(connection);
            }
            catch (SocketException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Answer(Socket connection)
    {
        var buffer = new byte[8192];
        var used = 0;
        int head;
        while ((head = buffer.AsSpan(0, used).IndexOf("\r\n\r\n"u8)) < 0)
        {
            var got = connection.Receive(buffer.AsSpan(used));
            if (got == 0) return;
            used += got;
        }

        var lines = Encoding.ASCII.GetString(buffer, 0, head).Split("\r\n");
        var length = lines.FirstOrDefault(l => l.StartsWith("Content-Length: ", StringComparison.Ordinal)) is { } field
            ? int.Parse(field["Content-Length: ".Length..], CultureInfo.InvariantCulture)
            : 0;
        while (used < head + 4 + length) used += connection.Receive(buffer.AsSpan(used));

        var target = lines[0].Split(' ')[1];
        var query = target[(target.IndexOf('?') + 1)..].Split('&').Select(p => p.Split('=')).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]));
        var body = buffer.AsSpan(head + 4, length);
        if (query.GetValueOrDefault("handle") != Handle)
        {
            Send(connection, "404 Not Found", "application/json", """{"message":"there is no such key","hint":"","code":"key_not_found"}"""u8);
        }
        else if (target.StartsWith("/publickey?", StringComparison.Ordinal))
        {
            if (lines.Contains("Connection: close")) Interlocked.Increment(ref _reads);
            Send(connection, "200 OK", "application/octet-stream", PublicKey);
        }
        else
        {
            Interlocked.Increment(ref _signatures);
            Send(connection, "200 OK", "application/octet-stream", Sign(query["algorithm"], query["hash"], body));
        }
    }

    private byte[] Sign(string algorithm, string hash, ReadOnlySpan<byte> digest)
    {
        var name = new HashAlgorithmName(hash.ToUpperInvariant());
        return algorithm switch
        {
            "ECDSA" => ((ECDsa)_key).SignHash(digest, DSASignatureFormat.Rfc3279DerSequence),
            "RSA-PKCS1" => ((RSA)_key).SignHash(digest, name, RSASignaturePadding.Pkcs1),
            "RSA-PSS" => ((RSA)_key).SignHash(digest, name, RSASignaturePadding.Pss),
            _ => throw new ArgumentException(algorithm, nameof(algorithm)),
        };
    }

    private static void Send(Socket connection, string status, string type, ReadOnlySpan<byte> body)
    {
        connection.Send(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nEstprov-Key-Handle: {Handle}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n"));
        connection.Send(body);
    }
}
