using System.Security.Cryptography;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;

namespace EstProv.Keys.Routes;

/// <summary>Symmetric keys (<c>/key</c>) and the keys derived from them (<c>/derivedkey</c>).</summary>
internal sealed class SecretRoutes(KeyService service)
{
    public void Map(LocalServer server)
    {
        server.Map("POST", "/key", KeyRoutes.ApiVersions, Create, KeyRoutes.Generates);
        server.Map("DELETE", "/key", KeyRoutes.ApiVersions, Delete);
        server.Map("GET", "/key/{id}", KeyRoutes.ApiVersions, Find);
        server.Map("POST", "/derivedkey", KeyRoutes.ApiVersions, Derive);
        server.Map("POST", "/derivedkey/export", KeyRoutes.ApiVersions, Export);
    }

    /// <summary><c>{keyId, usage}</c> generates, <c>{keyId, keyBytes, usage?}</c> imports; then the usage is what bytes of that length can be used for.</summary>
    private void Create(LocalRequest request, LocalResponse response)
    {
        request.Secret = true;
        var (id, usage, value) = request.Json(static json => (json.Text("keyId"), json.OptionalText("usage"), json.OptionalBytes("keyBytes") ?? []));
        try
        {
            if (usage is null && value.Length == 0) throw request.MissingField("usage");
            var purposes = usage is not null ? SecretUsages.Parse(usage)
                : SecretUsage.Derive | SecretUsage.Sign | (value.Length == StoredSecret.Length ? SecretUsage.Encrypt : SecretUsage.None);
            KeyRoutes.AnswerHandle(response, service.CreateSecret(KeyRoutes.CallerOf(request), id, purposes, value));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(value);
        }
    }

    private void Find(LocalRequest request, LocalResponse response) =>
        KeyRoutes.AnswerHandle(response, service.FindSecret(KeyRoutes.CallerOf(request), request.Route("id")));

    private void Delete(LocalRequest request, LocalResponse response)
    {
        service.DeleteSecret(KeyRoutes.CallerOf(request), RequestFields.Read(request).KeyHandle ?? throw request.MissingField("keyHandle"));
        response.NoContent();
    }

    private void Derive(LocalRequest request, LocalResponse response)
    {
        var (handle, data) = request.Json(static json => (json.Text("baseKeyHandle"), json.Bytes("derivationData")));
        KeyRoutes.AnswerHandle(response, service.Derive(KeyRoutes.CallerOf(request), handle, data));
    }

    private void Export(LocalRequest request, LocalResponse response)
    {
        Span<byte> key = stackalloc byte[StoredSecret.Length];
        service.Export(KeyRoutes.CallerOf(request), RequestFields.Read(request).KeyHandle ?? throw request.MissingField("keyHandle"), key);
        response.Secret = true;
        var json = response.Json();
        json.WriteStartObject();
        json.WriteBase64String("key"u8, key);
        json.WriteEndObject();
        CryptographicOperations.ZeroMemory(key);
    }
}
