using System.Text.Json;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Cli.Daemons;

/// <summary>The daemons, as the operator's command asks them.</summary>
internal sealed class DaemonClients : IDisposable
{
    public const string DefaultRuntimeDir = "/run/estprov";

    private const string CertdVersion = "2020-09-01";
    private const string IdentitydVersion = "2022-08-01";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly LocalClient _certd;
    private readonly LocalClient _identityd;

    public DaemonClients(string? runtimeDir)
    {
        var folder = runtimeDir ?? DefaultRuntimeDir;
        _certd = new LocalClient(Path.Combine(folder, "certd.sock"), "estprov-certd", "Certificates Service", Timeout);
        _identityd = new LocalClient(Path.Combine(folder, "identityd.sock"), "estprov-identityd", "Identity Service", Timeout);
    }

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

    public JsonElement CertdChanges(long after) => Get(_certd, $"/changes?api-version={CertdVersion}&after={after}&wait=0", "certd");

    public JsonElement IdentitydChanges(long after) => Get(_identityd, $"/changes?api-version={IdentitydVersion}&after={after}&wait=0", "identityd");

    public void Dispose()
    {
        _certd.Dispose();
        _identityd.Dispose();
    }

    private static JsonElement Get(LocalClient client, string path, string daemon)
    {
        var reply = client.Send("GET", path);
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
