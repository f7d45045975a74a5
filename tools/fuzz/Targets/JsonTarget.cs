using System.Text;
using System.Text.Json;
using EstProv.Certificates;
using EstProv.Identity;
using EstProv.Keys;

namespace EstProv.Fuzz.Targets;

/// <summary>
/// Every route of the three daemons, as they run. The input's first line is <c>DAEMON METHOD TARGET [CONTENT-TYPE]</c>, the rest is the body. A bad body may be
/// refused in any way but 500 and 504. <c>@K</c> stands for the handle of a key pair, <c>@S</c> for that of a symmetric key: no mutation could make one.
/// </summary>
internal sealed class JsonTarget : FuzzTarget
{
    private const string Version = "api-version=2020-09-01";
    private readonly DaemonUnderFuzz[] _daemons;
    private string _keyPair = "";
    private string _symmetric = "";

    public JsonTarget()
    {
        var everything = $"[[principal]]\nuid = {LocalApi.Users.Self}\n";
        _daemons =
        [
            new("keyd", KeyDaemon.Run, everything + "keys = [\"*\"]\nrights = [\"use\", \"generate\", \"delete\", \"export\"]\n"),
            new("certd", CertificateDaemon.Run, everything + "certs = [\"*\"]\nissuers = [\"*\"]\n"),
            new("identityd", IdentityDaemon.Run,
                "[provisioning]\nsource = \"dps\"\nscope_id = \"0ne00A1B2C3\"\n[provisioning.attestation]\nmethod = \"x509\"\nidentity_cert = \"device-id\"\nidentity_pk = \"device-id\"\n"
                + everything + "name = \"fuzz\"\n"),
        ];
        MakeKeys();
    }

    public override IReadOnlyList<string> Words =>
    [
        "keyd ", "certd ", "identityd ", "GET ", "POST ", "PUT ", "DELETE ", "/keypair", "/keypair/a", "/keypair/a/next", "/keypair/a/promote", "/keypair/a/previous", "/parameters/algorithm",
        "/publickey?id=a", "/sign", "/key", "/derivedkey", "/derivedkey/export", "/encrypt", "/decrypt", "/mac", "/certificates", "/certificates/a", "/credentials", "/credentials/a/ensure", "/credentials/a/confirm",
        "/credentials/a/refuse", "/identities/device", "/identities/identity", "/identities/modules", "/identities/modules/a?type=aziot", "/identities/trustBundle", " application/octet-stream\n",
        "\"keyId\"", "\"keyHandle\"", "\"preferredAlgorithms\"", "\"ec-p256\"", "\"*\"", "\"spki\"", "\"algorithm\"", "\"ECDSA\"", "\"HMAC-SHA256\"", "\"AEAD\"", "\"RSA-PKCS1\"", "\"parameters\"", "\"digest\"",
        "\"hash\"", "\"sha256\"", "\"message\"", "\"iv\"", "\"aad\"", "\"plaintext\"", "\"ciphertext\"", "\"usage\"", "\"derive,encrypt,sign\"", "\"keyBytes\"", "\"baseKeyHandle\"", "\"derivationData\"", "\"from\"",
        "\"certId\"", "\"csr\"", "\"issuer\"", "\"privateKeyHandle\"", "\"pem\"", "\"-----BEGIN CERTIFICATE-----\\n", "\"commonName\"", "\"waitSeconds\"", "\"reason\"", "\"type\"", "\"aziot\"", "\"moduleId\"",
        "null", "true", "[]", "{}", "{", "}", "[", "]", ":", ",", "\"\\ud800\"", "\"\\u0000\"", "\"\\n\"", "1e999", "-0", "\u00FF", "\"AAAA\"", "v1.", "@K", "@S",
    ];

    // Keys that were made stay in keyd's memory and on disk.
    public override int ExecutionsPerReset => 5000;

    public override void Execute(byte[] input)
    {
        if (input.AsSpan().IndexOf((byte)'@') >= 0)
        {
            var text = Encoding.Latin1.GetString(input);
            input = Encoding.Latin1.GetBytes(text.Replace("@K", _keyPair, StringComparison.Ordinal).Replace("@S", _symmetric, StringComparison.Ordinal));
        }

        var end = input.AsSpan().IndexOf((byte)'\n');
        var line = Encoding.Latin1.GetString(end < 0 ? input : input.AsSpan(0, end)).Split(' ');
        if (line.Length < 3 || !IsTarget(line[2])) return;
        var daemon = line[0].Length == 0 ? null : Array.Find(_daemons, one => one.Name == line[0]);
        if (daemon is null) return;
        // These wait by design.
        if (line[2].Contains("/changes", StringComparison.Ordinal) || line[2].Contains("/reprovision", StringComparison.Ordinal) || Waits(input)) return;

        var target = line[2].Contains("api-version=", StringComparison.Ordinal) ? line[2] : $"{line[2]}{(line[2].Contains('?', StringComparison.Ordinal) ? '&' : '?')}{Version}";
        var type = line.Length > 3 && line[3] == "application/octet-stream" ? line[3] : "application/json";
        var body = end < 0 ? [] : input.AsSpan(end + 1);
        var head = $"{line[1]} {target} HTTP/1.1\r\nHost: fuzz\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\n\r\n";
        if (line[1] is not ("GET" or "POST" or "PUT" or "DELETE") || head.Length > 4096) return;
        daemon.Ask(Encoding.Latin1.GetBytes(head), body, Judge);
    }

    public override void Reset()
    {
        foreach (var daemon in _daemons) daemon.Restart();
        MakeKeys();
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var daemon in _daemons) daemon.Dispose();
        base.Dispose(disposing);
    }

    private void MakeKeys()
    {
        _keyPair = HandleFrom("/keypair", "{\"keyId\":\"a\",\"preferredAlgorithms\":\"ec-p256\"}");
        _symmetric = HandleFrom("/key", "{\"keyId\":\"s\",\"usage\":\"derive,encrypt,sign\"}");
    }

    /// <summary>Empty where there is no such route, or no such key.</summary>
    private string HandleFrom(string route, string body)
    {
        var handle = "";
        var head = $"POST {route}?{Version} HTTP/1.1\r\nHost: fuzz\r\nContent-Length: {body.Length}\r\n\r\n";
        _daemons[0].Ask(Encoding.ASCII.GetBytes(head), Encoding.ASCII.GetBytes(body), (status, _, answer) =>
        {
            if (status == 200) handle = JsonDocument.Parse(answer).RootElement.GetProperty("keyHandle").GetString()!;
        });
        return handle;
    }

    private static bool IsTarget(string text) => text.StartsWith('/') && text.Length < 1000 && !text.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static bool Waits(byte[] input) => input.AsSpan().IndexOf("waitSeconds"u8) is >= 0 and var at && input.AsSpan(at).IndexOfAnyInRange((byte)'1', (byte)'9') >= 0;

    private static void Judge(int status, string type, ReadOnlyMemory<byte> body)
    {
        Promise(status is not (500 or 504) && status < 600, $"the answer is {status}: {Encoding.UTF8.GetString(body.Span)}");
        if (type != "application/json" || body.IsEmpty) return;
        using var json = JsonDocument.Parse(body);
        if (status >= 400) Promise(json.RootElement.GetProperty("message").GetString()!.Length > 0 && json.RootElement.GetProperty("code").GetString()!.Length > 0, "an error has message and code");
    }
}
