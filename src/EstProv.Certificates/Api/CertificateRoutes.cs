using System.Security.Cryptography;
using System.Text;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Certificates.Api;

/// <summary><c>/certificates</c>: the routes that clients of such daemons already speak.</summary>
internal sealed class CertificateRoutes(
    EngineParts parts, CredentialEngine engine, CredentialRequests requests, CertificateReader reader, CallerIssuer issuer, CertificateRights rights)
{
    public void Map(LocalServer server, string[] versions)
    {
        var waits = new RouteOptions { Waits = true };
        server.Map("POST", "/certificates", versions, Issue, waits);
        server.Map("PUT", "/certificates/{id}", versions, Import, waits);
        server.Map("GET", "/certificates/{id}", versions, Read);
        server.Map("DELETE", "/certificates/{id}", versions, Delete, waits);
    }

    private void Issue(LocalRequest request, LocalResponse response)
    {
        var body = request.Json(CertificateJson.Issue);
        rights.DemandCertificate(request.Peer, body.CertId);
        if (body.Issuer is { } named) rights.DemandIssuer(request.Peer, named.CertId);
        try
        {
            var pem = issuer.Issue(body.CertId, body.Csr, body.Issuer?.CertId, request.Stopping, rights.PoliciesFor(request.Peer, body.CertId));
            response.Status = 201;
            CertificateJson.WritePem(response.Json(), pem);
        }
        catch (ProblemException refusal) when (refusal.Code == "csr_not_allowed")
        {
            rights.NoteRefusedRequest(request.Peer, refusal);
            throw;
        }
    }

    /// <summary>Whoever says what he has (If-None-Match, RFC 9110 section 13.1.2) is told that it is the newest (304), without the certificate.</summary>
    private void Read(LocalRequest request, LocalResponse response)
    {
        var pem = reader.Read(request.Route("id"));
        var tag = EntityTag.Of(pem);
        response.Header("ETag", tag);
        if (EntityTag.Matches(request.Header("If-None-Match"), tag)) response.NotModified();
        else CertificateJson.WritePem(response.Json(), pem);
    }

    private void Import(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        var pem = request.Json(CertificateJson.Pem);
        if (parts.Preloaded.IsBundle(id))
            throw new ProblemException("certificate_managed", $"'{id}' is a bundle of the configuration", "import under another id", 400);

        var imported = Describe(id, pem);
        if (engine.Table.FindLocked(id) is { } credential)
        {
            requests.Import(credential, imported, request.Stopping);
        }
        else
        {
            DemandKey(id, imported);
            if (IsBootstrap(id))
            {
                throw new ProblemException("certificate_managed",
                    $"'{id}' is a bootstrap certificate, which is read from its file in [preloaded_certs] and from nowhere else",
                    "estprov bootstrap install puts it there", 400);
            }

            if (parts.Preloaded.IsFile(id)) imported = imported with { OperatorFile = parts.Preloaded.ReadFile(id).Hash };
            parts.Store.WriteCommitted(imported);
            lock (engine.Table.Gate) engine.Table.PutOther(imported);
            parts.Events.Replaced(imported);
        }

        response.Status = 201;
        CertificateJson.WritePem(response.Json(), imported.Pem);
    }

    private bool IsBootstrap(string id)
    {
        foreach (var (_, access) in engine.Table.Identities)
        {
            if (access.BootstrapIdentityCert == id) return true;
        }

        return false;
    }

    /// <summary>Where keyd has a key pair under the same id, the certificate must be for that.</summary>
    private void DemandKey(string id, StoredCertificate imported)
    {
        try
        {
            if (parts.Keys.FindKeyPair(id) is null || parts.Keys.FindKeyPair(id, imported.SpkiHash) is not null) return;
        }
        catch (ProblemException problem) when (problem.Code == "forbidden")
        {
            // A key that certd has nothing to do with.
            return;
        }

        throw new ProblemException("key_mismatch", $"the Key Service has another key '{id}' than the one of this certificate",
            "import it under another id, or bring the certificate of that key", 400);
    }

    /// <summary>Also when there is none. An operator's file is never touched.</summary>
    private void Delete(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        rights.DemandCertificate(request.Peer, id);
        requests.Forget(id, request.Stopping);
        response.NoContent();
    }

    private StoredCertificate Describe(string id, string text)
    {
        try
        {
            var pem = PemText.CertificatesOf(Encoding.UTF8.GetBytes(text));
            var certificates = PemText.Parse(pem);
            if (certificates.Count == 0) throw NoCertificate(null);
            return CertificateFacts.Describe(id, StoredKind.Imported, certificates[0], pem, parts.Clock.Now, parts.Random.NextDouble());
        }
        catch (CryptographicException cause)
        {
            throw NoCertificate(cause);
        }
    }

    private static ProblemException NoCertificate(Exception? cause) =>
        new("bad_certificate", "this is no certificate", "send PEM with CERTIFICATE blocks, leaf first", 400, cause);
}
