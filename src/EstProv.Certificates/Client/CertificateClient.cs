using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.Certificates.Api;
using EstProv.Certificates.Store;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Client;

/// <summary>The Certificates Service over its socket. The calls block a thread each, since a local answer takes a fraction of a millisecond or is a wait by design.</summary>
/// <param name="client">For <c>certd.sock</c>, server user <c>estprov-certd</c>.</param>
public sealed class CertificateClient(LocalClient client) : ICertificateClient
{
    private const string Version = "?api-version=2020-09-01";
    private const string Json = "application/json";

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);

    public Task<CredentialAnswer> EnsureAsync(string certId, string keyId, string? commonName, TimeSpan wait, CancellationToken cancel) => Blocking(() =>
    {
        var body = JsonFields.Write(json =>
        {
            json.WriteString("keyId"u8, keyId);
            json.WriteOptional("commonName", commonName);
            json.WriteNumber("waitSeconds"u8, wait.TotalSeconds);
        });
        var reply = client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/ensure{Version}", body, Json, timeout: wait + AnswerTime);
        var answer = Read(reply, CertificateJson.Ensured);
        return new CredentialAnswer(
            answer.State switch
            {
                "current" => CredentialState.Current,
                "staged" => CredentialState.Staged,
                "pending" => CredentialState.Pending,
                _ => throw BadAnswer(null),
            },
            answer.Chain, answer.KeyHandle, answer.Problem is { } problem ? new CredentialProblem(problem.Message, problem.Hint, problem.Code) : null);
    }, cancel);

    public Task ConfirmAsync(string certId, ReadOnlyMemory<byte> spkiSha256, CancellationToken cancel) => Blocking(() =>
    {
        var body = JsonFields.Write(json => json.WriteString("spki"u8, Base64Url.EncodeToString(spkiSha256.Span)));
        return client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/confirm{Version}", body, Json, timeout: TimeSpan.FromMinutes(1)).Status;
    }, cancel);

    public Task RefuseAsync(string certId, ReadOnlyMemory<byte> spkiSha256, string reason, CancellationToken cancel) => Blocking(() =>
    {
        var body = JsonFields.Write(json =>
        {
            json.WriteString("spki"u8, Base64Url.EncodeToString(spkiSha256.Span));
            json.WriteString("reason"u8, reason);
        });
        return client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/refuse{Version}", body, Json, timeout: TimeSpan.FromMinutes(1)).Status;
    }, cancel);

    public Task<X509Certificate2Collection> GetAsync(string certId, CancellationToken cancel) => Blocking(() =>
        PemText.Parse(Read(client.Send("GET", $"/certificates/{Uri.EscapeDataString(certId)}{Version}"), CertificateJson.Pem)), cancel);

    /// <remarks>A thread of its own: waits of minutes would starve the pool.</remarks>
    private static Task<T> Blocking<T>(Func<T> call, CancellationToken cancel) =>
        Task.Factory.StartNew(call, cancel, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default).WaitAsync(cancel);

    private static T Read<T>(LocalReply reply, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            return read(document.RootElement);
        }
        // The latter for a text that is not UTF-8, or a number in its place.
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            throw BadAnswer(cause);
        }
    }

    private static ProblemException BadAnswer(Exception? cause) =>
        new("certd_bad_answer", "the Certificates Service gave an answer that is none", "both must be of the same version", 502, cause);
}
