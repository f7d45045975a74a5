using EstProv.LocalApi.Server;

namespace EstProv.Keys.Routes;

/// <summary>
/// <c>GET /token</c>: whether the token can be used now. It is opened where it is not, at most as often as other requests would open it.
/// Answered to everyone of
/// the socket's group with <c>{"store"}</c>, where keys are kept, and <c>"model"</c> and <c>"serial"</c> of a token; else with the problem.
/// Never a PIN.
/// </summary>
internal sealed class TokenRoute(KeyComposition keys)
{
    public void Map(LocalServer server) => server.Map("GET", "/token", KeyRoutes.ApiVersions, Answer);

    private void Answer(LocalRequest request, LocalResponse response)
    {
        var facts = keys.Token?.Look();
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("store"u8, keys.Description);
        if (facts is not null)
        {
            json.WriteString("model"u8, facts.Model);
            json.WriteString("serial"u8, facts.Serial);
        }

        json.WriteEndObject();
    }
}
