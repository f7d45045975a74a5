using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Crash.Device;

namespace EstProv.Crash.Checks;

/// <summary>What is in the token, as OpenSC's tool sees it, and what the Key Service's index says should be.</summary>
internal sealed class TokenObjects(DeviceFolder device)
{
    private const string Private = "Private Key Object", Public = "Public Key Object", Secret = "Secret Key Object";

    private readonly Dictionary<string, string> _foreign = FilesOf(device);

    /// <summary>
    /// Null when all is as it should be: the keys of others are there, and their files untouched; each of ours is in the index, is whole,
    /// and belongs to a certificate
    /// in use or to the one before it.
    /// </summary>
    public string? FindFault(IReadOnlyList<string> ids)
    {
        foreach (var (file, hash) in _foreign)
        {
            if (!File.Exists(file)) return $"a key that is not ours was destroyed: {file}";
            if (HashOf(file) != hash) return $"a key that is not ours was touched: {file}";
        }

        var objects = List();
        var foreign = DeviceFolder.ForeignIds.ToHashSet(StringComparer.Ordinal);
        foreach (var id in foreign)
        {
            if (!objects.Contains((Private, id))) return $"the token does not show the private key {id} any more, which is not ours";
            if (!objects.Contains((Public, id))) return $"the token does not show the public key {id} any more, which is not ours";
        }

        var known = KnownToIndex(out var unsettled);
        if (unsettled is not null) return unsettled;
        var privateKeys = objects.Where(o => o.Kind == Private && !foreign.Contains(o.Id)).Select(o => o.Id).ToList();
        var orphans = objects.Where(o => !foreign.Contains(o.Id) && !known.Contains(o.Id)).Select(o => $"{o.Kind} {o.Id}").ToList();
        if (orphans.Count > 0) return $"orphans in the token: {string.Join(", ", orphans)}";
        var missing = known.Where(id => !objects.Contains((Private, id)) && !objects.Contains((Secret, id))).ToList();
        if (missing.Count > 0) return $"the index names keys that the token does not have: {string.Join(", ", missing)}";
        var most = 2 * ids.Count;
        return privateKeys.Count >= ids.Count && privateKeys.Count <= most ? null
            : $"{privateKeys.Count} private keys of ours in the token, {ids.Count} to {most} expected";
    }

    private HashSet<(string Kind, string Id)> List()
    {
        var list = Tool.Run("pkcs11-tool",
            ["--module", DeviceFolder.Module, "--slot", device.Slot, "--login", "--pin", DeviceFolder.Pin, "--list-objects"],
            device.Environment);
        var objects = new HashSet<(string, string)>();
        var kind = "";
        foreach (var line in list.Split('\n'))
        {
            if (line.StartsWith(Private, StringComparison.Ordinal)) kind = Private;
            else if (line.StartsWith(Public, StringComparison.Ordinal)) kind = Public;
            else if (line.StartsWith(Secret, StringComparison.Ordinal)) kind = Secret;
            else if (line.Contains(" Object", StringComparison.Ordinal)) kind = line;
            else if (line.Trim() is var text && text.StartsWith("ID:", StringComparison.Ordinal)) objects.Add((kind, text[3..].Trim()));
        }

        return objects;
    }

    private HashSet<string> KnownToIndex(out string? unsettled)
    {
        unsettled = null;
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(device.StateOf("keyd"), "keys"), "*.json"))
        {
            using var record = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (var member in record.RootElement.EnumerateObject())
            {
                if (member.Name is "generating" or "destroying" or "movingTo") unsettled = $"{file} has unfinished work: {member.Name}";
                if (member.Name is "current" or "previous" or "next" or "secret") known.Add(member.Value.GetProperty("id").GetString()!);
                if (member.Name is "next") unsettled = $"{file} has a staged key although nothing is being renewed";
            }
        }

        return known;
    }

    // Of the blank device: all objects are the operator's. The token's own object is written by each login.
    private static Dictionary<string, string> FilesOf(DeviceFolder device) =>
        Directory.EnumerateFiles(device.At("token"), "*.object", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "token.object")
            .ToDictionary(file => file, HashOf);

    private static string HashOf(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
}
