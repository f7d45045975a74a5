using System.Buffers.Text;
using EstProv.Certificates.Client;
using EstProv.Certificates.Engine;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Certificates.Api;

/// <summary><c>/credentials</c>: certificates together with their keys.</summary>
internal sealed class CredentialRoutes(CredentialRequests requests, CredentialListing listing, IssuancePlan plan, CertificateRights rights)
{
    private const int LongestReason = 500;

    public void Map(LocalServer server, string[] versions)
    {
        var waits = new RouteOptions { Waits = true };
        server.Map("GET", "/credentials", versions, List);
        server.Map("GET", "/credentials/{id}/plan", versions, Plan);
        server.Map("POST", "/credentials/{id}/try", versions, Try, waits);
        server.Map("POST", "/credentials/{id}/ensure", versions, Ensure, waits);
        server.Map("POST", "/credentials/{id}/confirm", versions, Confirm, waits);
        server.Map("POST", "/credentials/{id}/refuse", versions, Refuse, waits);
        server.Map("POST", "/credentials/{id}/renew", versions, Renew, waits);
    }

    private void List(LocalRequest request, LocalResponse response) => CertificateJson.Write(response.Json(), listing.List());

    private void Plan(LocalRequest request, LocalResponse response) => plan.Write(response.Json(), request.Route("id"));

    /// <summary>Whether its EST server answers and is verified. Nothing is shown to it.</summary>
    private void Try(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        var reach = requests.TryServer(id, out var url, request.Stopping);
        if (reach is { IsElsewhere: true, Problem: { } elsewhere })
        {
            throw new ProblemException(elsewhere.Code, $"no EST server answers at {url}: {elsewhere.Message}",
                "is its label right? every EST server has its CA certificates under cacerts, for everybody (RFC 7030 section 4.1)",
                elsewhere.Status, elsewhere);
        }

        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("url"u8, url.ToString());
        json.WriteBoolean("verified"u8, reach.IsVerified);
        if (reach.WantsCredential) json.WriteBoolean("wantsCredential"u8, true);
        if (reach.Problem is { } problem) json.WriteProblem(problem.Message, problem.Hint, problem.Code);
        json.WriteEndObject();
    }

    private void Ensure(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        var body = request.Json(CertificateJson.Ensure);
        var wait = TimeSpan.FromSeconds(Math.Clamp(body.WaitSeconds, 0, CredentialRequests.LongestWait.TotalSeconds));
        var answer = requests.Ensure(id, body.KeyId, body.CommonName, wait, rights.IsIdentityd(request.Peer.Uid), request.Stopping);
        Write(response, answer);
    }

    private void Renew(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        var body = request.Json(CertificateJson.Renew);
        var wait = TimeSpan.FromSeconds(Math.Clamp(body.WaitSeconds, 0, CredentialRequests.LongestWait.TotalSeconds));
        Write(response, requests.Renew(id, body.Now, $"user {request.Peer.Uid}", wait, request.Stopping));
    }

    private static void Write(LocalResponse response, CredentialAnswer answer) => CertificateJson.Write(
        response.Json(),
        new EnsureReply
        {
            State = answer.State switch { CredentialState.Current => "current", CredentialState.Staged => "staged", _ => "pending" },
            Chain = answer.ChainPem,
            KeyHandle = answer.KeyHandle,
            Problem = answer.Problem is { } problem ? CredentialListing.Body(problem) : null,
        });

    private void Confirm(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        requests.Confirm(id, Spki(request.Json(CertificateJson.Spki)), request.Stopping);
        response.NoContent();
    }

    private void Refuse(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        var body = request.Json(CertificateJson.Refuse);
        var reason = body.Reason.Length > LongestReason ? body.Reason[..LongestReason] : body.Reason;
        requests.Refuse(id, Spki(body.Spki), reason.ReplaceLineEndings(" "), request.Stopping);
        response.NoContent();
    }

    private static string Spki(string text) => Base64Url.IsValid(text, out var length) && length == 32
        ? text
        : throw new ProblemException("bad_request", "spki is no SHA-256 in base64url without padding", "hash the DER SubjectPublicKeyInfo", 422);
}
