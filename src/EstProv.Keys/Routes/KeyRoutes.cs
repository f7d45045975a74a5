using System.Buffers;
using System.Buffers.Text;
using EstProv.Keys.Authorization;
using EstProv.Keys.Service;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Keys.Routes;

/// <summary>The routes of key pairs but for signing: Azure IoT Identity Service's, and ours for rotation beside them.</summary>
internal sealed class KeyRoutes(KeyService service)
{
    public static readonly string[] ApiVersions = ["2020-09-01", "2021-05-01"];

    /// <summary>Of the answer of <c>GET /publickey</c>: a handle for this very key pair.</summary>
    public const string HandleHeader = "Estprov-Key-Handle";

    private const string OctetStream = "application/octet-stream";

    /// <summary>Key ids in one answer of <c>GET /keypairs</c>: with RSA 8192 and three pairs each, under 500 KB.</summary>
    private const int MostListed = 64;

    // Small tokens take tens of seconds over an RSA key.
    internal static readonly RouteOptions Generates = new() { Deadline = TimeSpan.FromMinutes(1) };

    public void Map(LocalServer server)
    {
        server.Map("GET", "/keypairs", ApiVersions, List);
        server.Map("POST", "/keypair", ApiVersions, Create, Generates);
        server.Map("DELETE", "/keypair", ApiVersions, Delete);
        server.Map("GET", "/keypair/{id}", ApiVersions, Find);
        server.Map("POST", "/keypair/{id}", ApiVersions, Move);
        server.Map("POST", "/keypair/{id}/next", ApiVersions, Stage, Generates);
        server.Map("DELETE", "/keypair/{id}/next", ApiVersions, Discard);
        server.Map("POST", "/keypair/{id}/promote", ApiVersions, Promote);
        server.Map("DELETE", "/keypair/{id}/previous", ApiVersions, Retire);
        server.Map("POST", "/parameters/{name}", ApiVersions, Parameter);
        server.Map("GET", "/publickey", ApiVersions, PublicKey);
        new SignRoute(service).Map(server);
        new SecretRoutes(service).Map(server);
        new CipherRoutes(service).Map(server);
    }

    internal static Caller CallerOf(LocalRequest request) => new(request.Peer.Uid, request.Peer.Pid);

    /// <summary>Who may use nothing gets an empty list: that is no refusal.</summary>
    private void List(LocalRequest request, LocalResponse response)
    {
        var pairs = service.List(CallerOf(request), request.Query("after") ?? "", MostListed, out var more);
        var json = response.Json();
        json.WriteStartObject();
        json.WriteStartArray("keypairs"u8);
        foreach (var pair in pairs)
        {
            json.WriteStartObject();
            json.WriteString("keyId"u8, pair.KeyId);
            json.WriteString("state"u8, pair.State);
            if (pair.Public is { } key)
            {
                json.WriteString("keyHandle"u8, service.Pin(pair.KeyId, key));
                json.WriteString("algorithm"u8, key.Description);
                json.WriteBase64String("spki"u8, key.Spki);
            }
            else if (pair.Problem is { } problem)
            {
                json.WriteString("message"u8, problem.Message);
                json.WriteString("hint"u8, problem.Hint);
                json.WriteString("code"u8, problem.Code);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteBoolean("more"u8, more);
        json.WriteEndObject();
    }

    private void Create(LocalRequest request, LocalResponse response)
    {
        var body = RequestFields.Read(request);
        AnswerHandle(response, service.Create(CallerOf(request), body.KeyId ?? throw request.MissingField("keyId"), body.PreferredAlgorithms));
    }

    private void Find(LocalRequest request, LocalResponse response)
    {
        var id = request.Route("id");
        var caller = CallerOf(request);
        Span<byte> spki = stackalloc byte[32];
        AnswerHandle(response, TrySpki(request.Query("spki"), spki)
            ? service.Pin(id, service.Public(caller, id, spki))
            : service.Find(caller, id));
    }

    private void Delete(LocalRequest request, LocalResponse response)
    {
        service.Delete(CallerOf(request), RequestFields.Read(request).KeyHandle ?? throw request.MissingField("keyHandle"));
        response.NoContent();
    }

    private void Move(LocalRequest request, LocalResponse response)
    {
        service.Move(CallerOf(request), RequestFields.Read(request).From ?? throw request.MissingField("from"), request.Route("id"));
        response.NoContent();
    }

    private void Stage(LocalRequest request, LocalResponse response)
    {
        var wished = request.Body.IsEmpty ? null : RequestFields.Read(request).PreferredAlgorithms;
        AnswerHandle(response, service.StageNext(CallerOf(request), request.Route("id"), wished));
    }

    private void Discard(LocalRequest request, LocalResponse response)
    {
        service.DiscardNext(CallerOf(request), request.Route("id"));
        response.NoContent();
    }

    private void Promote(LocalRequest request, LocalResponse response)
    {
        Span<byte> spki = stackalloc byte[32];
        if (!TrySpki(RequestFields.Read(request).Spki, spki)) throw request.MissingField("spki");
        service.Promote(CallerOf(request), request.Route("id"), spki);
        response.NoContent();
    }

    private void Retire(LocalRequest request, LocalResponse response)
    {
        service.RetirePrevious(CallerOf(request), request.Route("id"));
        response.NoContent();
    }

    private void PublicKey(LocalRequest request, LocalResponse response)
    {
        var caller = CallerOf(request);
        Span<byte> spki = stackalloc byte[32];
        var id = request.Query("id");
        var handle = request.Query("handle");
        if (id is null == handle is null)
            throw Bad("one of the query parameters id and handle is needed", "name the key pair by the one or the other");
        var key = id is null
            ? service.Public(caller, handle, out id)
            : service.Public(caller, id, TrySpki(request.Query("spki"), spki) ? spki : []);
        response.Header(HandleHeader, service.Pin(id, key));
        response.Bytes(key.Spki, OctetStream);
    }

    private void Parameter(LocalRequest request, LocalResponse response)
    {
        var name = request.Route("name");
        var key = service.Public(CallerOf(request), RequestFields.Read(request).KeyHandle ?? throw request.MissingField("keyHandle"), out _);
        if (name is not ("algorithm" or "ec-curve-oid" or "ec-point" or "rsa-modulus" or "rsa-exponent"))
        {
            throw new ProblemException("parameter_not_found", $"there is no parameter '{name}'",
                "there are algorithm, ec-curve-oid, ec-point, rsa-modulus, rsa-exponent", 404);
        }

        if (name[0] == 'e' && !key.IsEc || name[0] == 'r' && !key.IsRsa)
            throw Bad($"a key of the kind {key.Description} has no {name}",
                "ask for algorithm first: ec-… are of EC keys, rsa-… of RSA keys");
        var json = response.Json();
        json.WriteStartObject();
        if (name == "algorithm")
        {
            json.WriteString("value"u8, key.IsEc ? "ECDSA" : key.IsRsa ? "RSA" : "ED25519");
        }
        else
        {
            json.WriteBase64String("value"u8, name switch
            {
                "ec-curve-oid" => key.CurveOid,
                "ec-point" => Compress(key.Point),
                "rsa-modulus" => key.Modulus,
                _ => key.Exponent,
            });
        }

        json.WriteEndObject();
    }

    // SEC 1, section 2.3.3: 02 or 03 by the parity of y, then x
    private static byte[] Compress(byte[] point)
    {
        var compressed = point[..(1 + (point.Length - 1) / 2)];
        compressed[0] = (byte)(2 + (point[^1] & 1));
        return compressed;
    }

    internal static void AnswerHandle(LocalResponse response, string handle)
    {
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("keyHandle"u8, handle);
        json.WriteEndObject();
    }

    /// <summary>False when there is none.</summary>
    private static bool TrySpki(string? text, Span<byte> hash)
    {
        if (text is null) return false;
        if (text.Length == 43 && Base64Url.DecodeFromChars(text, hash, out _, out var length) == OperationStatus.Done && length == hash.Length) return true;
        throw Bad("spki is not a SHA-256 in base64url without padding", "hash the DER SubjectPublicKeyInfo");
    }

    private static ProblemException Bad(string message, string hint) => new("bad_request", message, hint, 400);
}
