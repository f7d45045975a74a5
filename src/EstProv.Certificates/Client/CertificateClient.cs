using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EstProv.Certificates.Api;
using EstProv.Certificates.Store;
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
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new EnsureBody { KeyId = keyId, CommonName = commonName, WaitSeconds = wait.TotalSeconds }, CertificateJson.Default.EnsureBody);
        var reply = client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/ensure{Version}", body, Json, timeout: wait + AnswerTime);
        var answer = Read(reply, CertificateJson.Default.EnsureReply);
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
        var body = JsonSerializer.SerializeToUtf8Bytes(new ConfirmBody { Spki = Base64Url.EncodeToString(spkiSha256.Span) }, CertificateJson.Default.ConfirmBody);
        return client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/confirm{Version}", body, Json, timeout: TimeSpan.FromMinutes(1)).Status;
    }, cancel);

    public Task RefuseAsync(string certId, ReadOnlyMemory<byte> spkiSha256, string reason, CancellationToken cancel) => Blocking(() =>
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new RefuseBody { Spki = Base64Url.EncodeToString(spkiSha256.Span), Reason = reason }, CertificateJson.Default.RefuseBody);
        return client.Send("POST", $"/credentials/{Uri.EscapeDataString(certId)}/refuse{Version}", body, Json, timeout: TimeSpan.FromMinutes(1)).Status;
    }, cancel);

    public Task<X509Certificate2Collection> GetAsync(string certId, CancellationToken cancel) => Blocking(() =>
        PemText.Parse(Read(client.Send("GET", $"/certificates/{Uri.EscapeDataString(certId)}{Version}"), CertificateJson.Default.PemBody).Pem), cancel);

    /// <remarks>A thread of its own: waits of minutes would starve the pool.</remarks>
    private static Task<T> Blocking<T>(Func<T> call, CancellationToken cancel) =>
        Task.Factory.StartNew(call, cancel, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default).WaitAsync(cancel);

    private static T Read<T>(LocalReply reply, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(reply.Body, type) ?? throw BadAnswer(null);
        }
        catch (JsonException cause)
        {
            throw BadAnswer(cause);
        }
    }

    private static ProblemException BadAnswer(Exception? cause) =>
        new("certd_bad_answer", "the Certificates Service gave an answer that is none", "both must be of the same version", 502, cause);
}
