using System.Text;
using System.Text.Json;
using EstProv.Keys.Client;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Cli.Daemons;

/// <summary>The daemons, as the operator's command asks them.</summary>
internal sealed class DaemonClients : IDisposable
{
    public const string DefaultRuntimeDir = "/run/estprov";

    private const string KeydVersion = "2021-05-01";
    private const string CertdVersion = "2020-09-01";
    private const string IdentitydVersion = "2022-08-01";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>They are asked whether they would be verified still.</summary>
    private static readonly TimeSpan ServersMayTake = TimeSpan.FromMinutes(2);

    private readonly LocalClient _keyd;
    private readonly LocalClient _certd;
    private readonly LocalClient _identityd;

    public DaemonClients(string? runtimeDir)
    {
        var folder = runtimeDir ?? DefaultRuntimeDir;
        Folder = folder;
        _keyd = new LocalClient(Path.Combine(folder, "keyd.sock"), "estprov-keyd", "Key Service", Timeout);
        _certd = new LocalClient(Path.Combine(folder, "certd.sock"), "estprov-certd", "Certificates Service", Timeout);
        _identityd = new LocalClient(Path.Combine(folder, "identityd.sock"), "estprov-identityd", "Identity Service", Timeout);
    }

    /// <summary>Of the sockets.</summary>
    public string Folder { get; }

    public KeyClient Keys => new(_keyd);

    /// <summary>Sends a request to one of the daemons.</summary>
    /// <param name="daemon"><c>keyd</c>, <c>certd</c> or <c>identityd</c>.</param>
    /// <param name="path">Percent-encoded, without the api-version.</param>
    /// <param name="body">JSON; empty for none.</param>
    /// <param name="wait">How long the daemon may take beside the usual.</param>
    /// <returns>The answer's object; nothing (<see cref="JsonValueKind.Undefined"/>) where it has no body.</returns>
    /// <exception cref="ProblemException">The daemon's.</exception>
    public JsonElement Ask(string daemon, string path, string method = "GET", ReadOnlySpan<byte> body = default, TimeSpan wait = default)
    {
        var reply = Of(daemon).Send(method,
            $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={VersionOf(daemon)}", body,
            body.IsEmpty ? null : "application/json", timeout: wait + Timeout);
        return reply.Body.Length == 0 ? default : Read(reply, daemon);
    }

    /// <summary>What a daemon counts and measures, as it tells it.</summary>
    /// <exception cref="ProblemException">The daemon's.</exception>
    public string Metrics(string daemon) => Encoding.UTF8.GetString(Of(daemon).Send("GET", "/metrics").Body);

    /// <exception cref="ProblemException">The Identity Service's.</exception>
    public JsonElement ProvisioningStatus() => Get(_identityd, "/provisioning-status?api-version=" + IdentitydVersion, "identityd");

    /// <summary>The members of <c>credentials</c>.</summary>
    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public JsonElement Credentials()
    {
        var answer = Get(_certd, "/credentials?api-version=" + CertdVersion, "certd");
        return answer.TryGetProperty("credentials", out var list) && list.ValueKind is JsonValueKind.Array ? list : throw BadAnswer("certd");
    }

    /// <summary>A certificate as PEM.</summary>
    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public string Certificate(string id)
        => Json.Text(Get(_certd, $"/certificates/{Uri.EscapeDataString(id)}?api-version={CertdVersion}", "certd"), "pem") ?? throw BadAnswer("certd");

    /// <summary>Has a certificate renewed; waits for what comes of it.</summary>
    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public JsonElement Renew(string id, bool now, TimeSpan wait) => Post($"/credentials/{Uri.EscapeDataString(id)}/renew?api-version={CertdVersion}", JsonFields.Write(json =>
    {
        json.WriteBoolean("now"u8, now);
        json.WriteNumber("waitSeconds"u8, wait.TotalSeconds);
    }), "application/json", wait);

    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public JsonElement Distrusted() => Get(_certd, $"/distrusted?api-version={CertdVersion}", "certd");

    /// <param name="over">Null for the configuration's.</param>
    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public JsonElement Distrust(string issuer, bool undo, TimeSpan? over, bool force) => Post($"/distrusted?api-version={CertdVersion}", JsonFields.Write(json =>
    {
        json.WriteString("issuer"u8, issuer);
        json.WriteBoolean("undo"u8, undo);
        json.WriteBoolean("force"u8, force);
        if (over is { } time) json.WriteNumber("overSeconds"u8, time.TotalSeconds);
    }), "application/json", ServersMayTake);

    /// <summary>Brings a rescue: a signed file (<c>application/cms</c>), or a one-time credential as JSON.</summary>
    /// <exception cref="ProblemException">The Certificates Service's.</exception>
    public JsonElement Rescue(ReadOnlySpan<byte> body, string contentType, TimeSpan wait) =>
        Post($"/rescue?api-version={CertdVersion}&wait={(int)wait.TotalSeconds}", body, contentType, wait);

    public JsonElement CertdChanges(long after) => Get(_certd, $"/changes?api-version={CertdVersion}&after={after}&wait=0", "certd");

    public JsonElement IdentitydChanges(long after) => Get(_identityd, $"/changes?api-version={IdentitydVersion}&after={after}&wait=0", "identityd");

    private LocalClient Of(string daemon) => daemon switch { "keyd" => _keyd, "certd" => _certd, _ => _identityd };

    private static string VersionOf(string daemon) => daemon switch
    {
        "keyd" => KeydVersion,
        "certd" => CertdVersion,
        _ => IdentitydVersion,
    };

    public void Dispose()
    {
        _keyd.Dispose();
        _certd.Dispose();
        _identityd.Dispose();
    }

    private JsonElement Post(string path, ReadOnlySpan<byte> body, string contentType, TimeSpan wait) =>
        Read(_certd.Send("POST", path, body, contentType, timeout: wait + Timeout), "certd");

    private static JsonElement Get(LocalClient client, string path, string daemon) => Read(client.Send("GET", path), daemon);

    private static JsonElement Read(LocalReply reply, string daemon)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            if (document.RootElement.ValueKind is JsonValueKind.Object) return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw BadAnswer(daemon);
    }

    private static ProblemException BadAnswer(string daemon)
        => new(daemon + "_bad_answer", $"estprov-{daemon} answered with something that this command does not understand", "are both of one version? see --version");
}
