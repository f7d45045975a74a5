using System.Text.Json;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Identity.Modules;

/// <summary>The modules of one device in one hub.</summary>
internal sealed record KnownModules(string Hub, string DeviceId, IReadOnlyList<KnownModule> Modules);

/// <summary><c>modules.json</c> in the state folder: one JSON object, written as a whole or not at all. No key is in it.</summary>
internal sealed class ModuleFile(string folder)
{
    private const int FormatVersion = 1;

    private const int LargestFile = 256 * 1024;


    public string Path { get; } = System.IO.Path.Combine(folder, "modules.json");

    /// <summary>
    /// Null when there is none, or none that can be understood (<paramref name="problem"/> says why): then the hub is asked.
    /// </summary>
    public KnownModules? Read(out ProblemException? problem)
    {
        problem = null;
        try
        {
            var file = new FileInfo(Path);
            if (!file.Exists) return null;
            var known = file.Length <= LargestFile ? Parse(File.ReadAllBytes(Path)) : null;
            if (known is null) problem = Damaged("it is not what this program writes");
            return known;
        }
        catch (JsonException cause)
        {
            problem = Damaged("it is not JSON", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            problem = new ProblemException("state_unreadable", $"cannot read {Path}",
                "the state folder must belong to the daemon's user; the hub is asked for the modules", inner: cause);
        }

        return null;
    }

    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_*</c>: the old content stands.</exception>
    public void Write(KnownModules known)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, FormatVersion);
            json.WriteString("hub"u8, known.Hub);
            json.WriteString("device"u8, known.DeviceId);
            json.WriteStartArray("modules"u8);
            foreach (var module in known.Modules) Write(json, module);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        AtomicFile.Write(Path, buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, KnownModule module)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, module.ModuleId);
        json.WriteString("generation"u8, module.GenerationId);
        if (module.ManagedBy is { } managedBy) json.WriteString("managedBy"u8, managedBy);
        if (module.IsHosts) json.WriteBoolean("host"u8, true);
        if (module.Mark is { } mark) json.WriteString("mark"u8, mark);
        json.WriteString("seen"u8, Utc.Format(module.Seen));
        json.WriteEndObject();
    }

    private static KnownModules? Parse(byte[] content)
    {
        using var document = JsonDocument.Parse(content, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
        var root = document.RootElement;
        if (root.ValueKind is not JsonValueKind.Object || !root.TryGetProperty("version", out var version)
            || version.ValueKind is not JsonValueKind.Number || !version.TryGetInt32(out var number)
            || number != FormatVersion) return null;
        if (Text(root, "hub") is not { } hub || Text(root, "device") is not { } device
            || !root.TryGetProperty("modules", out var list) || list.ValueKind is not JsonValueKind.Array) return null;
        var modules = new List<KnownModule>(list.GetArrayLength());
        foreach (var element in list.EnumerateArray())
        {
            if (ParseModule(element) is not { } module) return null;
            modules.Add(module);
        }

        return new KnownModules(hub, device, modules);
    }

    private static KnownModule? ParseModule(JsonElement element)
    {
        if (Text(element, "id") is not { Length: > 0 } id || Text(element, "generation") is not { } generation
            || Utc.Parse(Text(element, "seen")) is not { } seen) return null;
        return new KnownModule
        {
            ModuleId = id,
            GenerationId = generation,
            ManagedBy = Text(element, "managedBy"),
            IsHosts = element.TryGetProperty("host", out var host) && host.ValueKind is JsonValueKind.True,
            Mark = Text(element, "mark"),
            Seen = seen,
        };
    }

    private static string? Text(JsonElement parent, string name)
        => parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var value)
            && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    private ProblemException Damaged(string why, Exception? cause = null)
        => new("state_damaged", $"{Path} cannot be used: {why}",
            "nothing to do: the hub is asked and the file is written anew; modules of former principals stay in the hub", inner: cause);
}
