using System.Text.Json;
using EstProv.LocalApi.Server;

namespace EstProv.Keys.Routes;

/// <summary>The fields that the bodies of the key pair routes have. Others are passed over, as later versions may have more.</summary>
internal sealed class RequestFields
{
    public string? KeyId { get; private set; }

    public string? KeyHandle { get; private set; }

    public string? PreferredAlgorithms { get; private set; }

    public string? From { get; private set; }

    public string? Spki { get; private set; }

    public static RequestFields Read(LocalRequest request)
    {
        var fields = new RequestFields();
        var json = request.Json();
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject) throw new JsonException();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("keyId"u8)) fields.KeyId = Text(ref json);
            else if (json.ValueTextEquals("keyHandle"u8)) fields.KeyHandle = Text(ref json);
            else if (json.ValueTextEquals("preferredAlgorithms"u8)) fields.PreferredAlgorithms = Text(ref json);
            else if (json.ValueTextEquals("from"u8)) fields.From = Text(ref json);
            else if (json.ValueTextEquals("spki"u8)) fields.Spki = Text(ref json);
            else json.Skip();
        }

        // A further token would be garbage behind the object, which the reader refuses itself.
        json.Read();
        return fields;
    }

    private static string? Text(ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType is JsonTokenType.String or JsonTokenType.Null ? json.GetString() : throw new JsonException();
    }
}
