using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Unicode;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Keys.Tls;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Cli.Commands;

/// <summary>An EST server as the options name it, verified before anything is shown to it.</summary>
internal sealed class EstConnection : IDisposable
{
    private const string KeydUri = "estprov:id=";

    private static readonly TimeSpan KeydAnswers = TimeSpan.FromSeconds(65);

    private readonly List<IDisposable> _owned = [];

    private EstConnection(CommandLine line, TimeProvider time)
    {
        var text = EstOptions.Needed(line, EstOptions.Url);
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url))
            throw new UsageException($"{EstOptions.Url.Name} takes a URL such as https://est.example/.well-known/est"
                // A password may stand in it.
                + (text.Contains('@', StringComparison.Ordinal) ? "" : $", not '{text}'"));
        Url = url;
        Clock = new BelievedClock(time, DateTimeOffset.UnixEpoch);
        var proxies = line.Value(EstOptions.Proxy.Name) is { } proxy
            ? ProxyChoice.Always(proxy, EstOptions.Proxy.Name)
            : ProxyChoice.OfEnvironment(Environment.GetEnvironmentVariable);
        var (user, passwordFile) = (line.Value(EstOptions.User.Name), line.Value(EstOptions.PasswordFile.Name));
        if (user is null != passwordFile is null) throw new UsageException($"{EstOptions.User.Name} and {EstOptions.PasswordFile.Name} go together");
        if (line.Has(EstOptions.Digest.Name) && user is null) throw new UsageException($"{EstOptions.Digest.Name} goes with {EstOptions.User.Name}");
        var server = new EstServer
        {
            BaseUrl = url,
            Trust = new EstTrust { Anchors = [] },
            Clock = Clock,
            Proxies = proxies,
            Username = user,
            Password = passwordFile is null ? null : () => PasswordIn(passwordFile),
            PasswordUse = line.Has(EstOptions.Digest.Name) ? EstPasswordUse.Digest : EstPasswordUse.Basic,
            ClientCertificate = Shown(line),
        };
        Credential = line.Value(EstOptions.Certificate.Name) ?? user ?? "none";
        server = server with { Credential = Credential };
        Anchors = AnchorsOf(line, server);
        Client = new EstClient(server with { Trust = new EstTrust { Anchors = Anchors } }, NullLogger.Instance);
        _owned.Add(Client);
    }

    public Uri Url { get; }

    public EstClient Client { get; }

    public X509Certificate2Collection Anchors { get; }

    public BelievedClock Clock { get; }

    /// <summary>For messages.</summary>
    public string Credential { get; }

    /// <summary>The certificate of <c>--cert</c>; null for none.</summary>
    public X509Certificate2? Certificate { get; private set; }

    public static EstConnection Open(CommandLine line, TimeProvider time) => new(line, time);

    private static string PasswordIn(string file)
    {
        var bytes = EstFiles.Read(file);
        // Another one would be shown in its place.
        if (!Utf8.IsValid(bytes)) throw new ProblemException("password_encoding", $"{file} holds no UTF-8", "write the password in UTF-8");
        return Encoding.UTF8.GetString(bytes).TrimEnd('\r', '\n');
    }

    /// <summary>Of this label; none where it has none to give.</summary>
    public X509Certificate2Collection CaCertificates()
    {
        try
        {
            return Client.GetCaCertificatesAsync(CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (ProblemException problem) when (problem.Code == "est_not_found")
        {
            return [];
        }
    }

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
    }

    private static X509Certificate2Collection AnchorsOf(CommandLine line, EstServer server)
    {
        var (file, fingerprint) = (line.Value(EstOptions.Ca.Name), line.Value(EstOptions.Fingerprint.Name));
        if (file is null == fingerprint is null)
            throw new UsageException($"one of {EstOptions.Ca.Name} and {EstOptions.Fingerprint.Name} is needed: by what is the server verified?");

        if (file is not null) return EstFiles.Certificates(file);
        var hash = Sha256Fingerprint.Parse(fingerprint!) ?? throw new UsageException($"{EstOptions.Fingerprint.Name} is sha256: and 64 hexadecimal digits");
        return [EstBootstrap.FetchAnchorAsync(server, hash, NullLogger.Instance, CancellationToken.None).GetAwaiter().GetResult()];
    }

    private SslStreamCertificateContext? Shown(CommandLine line)
    {
        var (file, key) = (line.Value(EstOptions.Certificate.Name), line.Value(EstOptions.Key.Name));
        if (file is null != key is null) throw new UsageException($"{EstOptions.Certificate.Name} and {EstOptions.Key.Name} go together");
        if (file is null) return null;
        var chain = EstFiles.Certificates(file);
        Certificate = chain[0];
        if (key!.StartsWith(KeydUri, StringComparison.Ordinal)) return InKeyd(Uri.UnescapeDataString(key[KeydUri.Length..]), chain, line.Value(Option.RuntimeDir.Name));
        var certificate = EstFiles.WithKey(chain[0], key);
        _owned.Add(certificate);
        chain.RemoveAt(0);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    /// <summary>The key stays in keyd, to which the caller must have the right.</summary>
    private SslStreamCertificateContext InKeyd(string id, X509Certificate2Collection chain, string? runtimeDir)
    {
        var socket = Path.Combine(runtimeDir ?? DaemonClients.DefaultRuntimeDir, "keyd.sock");
        var client = new LocalClient(socket, "estprov-keyd", "Key Service", KeydAnswers);
        _owned.Add(client);
        var spki = SHA256.HashData(chain[0].PublicKey.ExportSubjectPublicKeyInfo());
        var key = new KeyClient(client).FindKeyPair(id, spki)
            ?? throw new ProblemException("key_not_found", $"keyd has no key '{id}' that is the certificate's", "name the id of the certificate's own key");
        var keys = new ProviderKeys(client, socket);
        _owned.Add(keys);
        var identity = keys.Open(key.Handle, chain);
        _owned.Add(identity);
        return identity.Context;
    }
}
