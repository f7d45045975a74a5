using System.Text.Json;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Index;

/// <summary>
/// The index file of one key id, JSON: <c>{"version":1,"keyId","current":{"id","store","spki"}?,"next"?,"previous"?,"secret":{"id","store","usage"}?,
/// "generating":{"id","store"}?,"destroying":[…]?,"movingTo"?,"preloadedUri"?}</c>.
/// </summary>
internal static class KeyRecordFormat
{
    private const int Version = 1;

    public static byte[] Write(KeyRecord record)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, Version);
            json.WriteString("keyId"u8, record.KeyId);
            WriteEntry(json, "current", record.Current);
            WriteEntry(json, "next", record.Next);
            WriteEntry(json, "previous", record.Previous);
            if (record.Secret is { } secret)
            {
                json.WriteStartObject("secret"u8);
                json.WriteString("id"u8, secret.Id.ToString());
                json.WriteString("store"u8, secret.Store);
                json.WriteString("usage"u8, secret.Usage.Text());
                json.WriteEndObject();
            }

            if (record.Generating is { } generating)
            {
                json.WritePropertyName("generating"u8);
                WritePending(json, generating);
            }

            if (record.Destroying.Count > 0)
            {
                json.WriteStartArray("destroying"u8);
                foreach (var pending in record.Destroying) WritePending(json, pending);
                json.WriteEndArray();
            }

            if (record.MovingTo is not null) json.WriteString("movingTo"u8, record.MovingTo);
            if (record.PreloadedUri is not null) json.WriteString("preloadedUri"u8, record.PreloadedUri);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="ProblemException"><c>index_damaged</c>, <c>index_version</c>.</exception>
    public static KeyRecord Read(ReadOnlyMemory<byte> file, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(file);
            var root = document.RootElement;
            if (root.GetProperty("version"u8).GetInt32() is var version && version != Version)
            {
                throw new ProblemException("index_version", $"{path} was written by another version of the Key Service (format {version})",
                    "install that version again, or remove the file, which forgets the key pair", 500);
            }

            var destroying = new List<PendingKey>();
            if (root.TryGetProperty("destroying"u8, out var list))
            {
                foreach (var item in list.EnumerateArray()) destroying.Add(ReadPending(item));
            }

            return new KeyRecord
            {
                KeyId = root.GetProperty("keyId"u8).GetString() ?? throw new FormatException(),
                Current = ReadEntry(root, "current"u8),
                Next = ReadEntry(root, "next"u8),
                Previous = ReadEntry(root, "previous"u8),
                Secret = ReadSecret(root),
                Generating = root.TryGetProperty("generating"u8, out var generating) ? ReadPending(generating) : null,
                Destroying = destroying,
                MovingTo = root.TryGetProperty("movingTo"u8, out var to) ? to.GetString() : null,
                PreloadedUri = root.TryGetProperty("preloadedUri"u8, out var uri) ? uri.GetString() : null,
            };
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            || cause is ProblemException { Code: "key_type" or "bad_request" })
        {
            throw new ProblemException("index_damaged", $"{path} is damaged", "restore it from a backup, or remove it, which forgets the key pair",
                500, cause);
        }
    }

    private static void WriteEntry(Utf8JsonWriter json, string name, KeyEntry? entry)
    {
        if (entry is null) return;
        json.WriteStartObject(name);
        json.WriteString("id"u8, entry.Id.ToString());
        json.WriteString("store"u8, entry.Store);
        json.WriteBase64String("spki"u8, entry.Public.Spki);
        json.WriteEndObject();
    }

    private static void WritePending(Utf8JsonWriter json, PendingKey pending)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, pending.Id.ToString());
        json.WriteString("store"u8, pending.Store);
        json.WriteEndObject();
    }

    private static KeyEntry? ReadEntry(JsonElement root, ReadOnlySpan<byte> name)
    {
        if (!root.TryGetProperty(name, out var element)) return null;
        var pending = ReadPending(element);
        return new KeyEntry(pending.Id, pending.Store, PublicKeyInfo.Parse(element.GetProperty("spki"u8).GetBytesFromBase64()));
    }

    private static SecretEntry? ReadSecret(JsonElement root)
    {
        if (!root.TryGetProperty("secret"u8, out var element)) return null;
        var pending = ReadPending(element);
        return new SecretEntry(pending.Id, pending.Store, SecretUsages.Parse(element.GetProperty("usage"u8).GetString()));
    }

    private static PendingKey ReadPending(JsonElement element) =>
        StorageId.TryParse(element.GetProperty("id"u8).GetString(), out var id) && element.GetProperty("store"u8).GetString() is { } store
            ? new PendingKey(id, store)
            : throw new FormatException();
}
