using EstProv.Certificates.Engine;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Api;

/// <summary>The way back to the bootstrap identity: <c>GET /bootstraps</c> whether it is open, <c>POST /reset</c> to go it.</summary>
internal sealed class ResetRoutes(ResetRequests reset, CertificateRights rights)
{
    public void Map(LocalServer server, string[] versions)
    {
        // keyd may have to find its token first.
        var waits = new RouteOptions { Waits = true };
        server.Map("GET", "/bootstraps", versions, List, waits);
        server.Map("POST", "/reset", versions, Reset, waits);
    }

    /// <summary>
    /// <c>{"bootstraps":[{"identity","id","keyId","subject","notAfter","validity":"valid"|"expired"|"not_yet","problem"?}]}</c>, one for
    /// each EST identity; without
    /// <c>id</c> where none is configured, without <c>subject</c> where its certificate cannot be read.
    /// </summary>
    private void List(LocalRequest request, LocalResponse response)
    {
        var json = response.Json();
        json.WriteStartObject();
        json.WriteStartArray("bootstraps"u8);
        foreach (var (identity, access) in reset.Identities)
        {
            var one = reset.Judge(identity, access);
            json.WriteStartObject();
            json.WriteString("identity"u8, one.Identity);
            json.WriteOptional("id", one.CertificateId);
            json.WriteOptional("keyId", one.KeyId);
            if (one.Subject is { } subject)
            {
                json.WriteString("subject"u8, subject);
                json.WriteString("notAfter"u8, Utc.Format(one.NotAfter));
                json.WriteString("validity"u8, one.IsOver ? "expired"u8 : one.IsEarly ? "not_yet"u8 : "valid"u8);
            }

            if (one.Problem is { } problem) json.WriteProblem(problem.Message, problem.Hint, problem.Code);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>
    /// <c>{"now", "waitSeconds"}</c>: looks whether it could be done and whether the caller may (right <c>certs</c>, for each id); with
    /// <c>now</c> does it. Answers
    /// <c>{"ids":[…]}</c>, what is forgotten.
    /// </summary>
    private void Reset(LocalRequest request, LocalResponse response)
    {
        var body = request.Json(CertificateJson.Renew);
        var ids = reset.Ids();
        foreach (var id in ids) rights.DemandCertificate(request.Peer, id);
        reset.Demand(request.Stopping);
        if (body.Now)
        {
            var wait = TimeSpan.FromSeconds(Math.Clamp(body.WaitSeconds, 0, CredentialRequests.LongestWait.TotalSeconds));
            reset.Run(ids, $"user {request.Peer.Uid}", wait, request.Stopping);
        }

        var json = response.Json();
        json.WriteStartObject();
        json.WriteStartArray("ids"u8);
        foreach (var id in ids) json.WriteStringValue(id);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
