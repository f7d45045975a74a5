using System.Buffers.Text;
using System.Text;
using EstProv.Identity.Hub;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Identity.Modules;

/// <summary>
/// The keys of module identities: HMAC-SHA256 of <c>MODULE:GENERATION:primary</c> (and <c>…:secondary</c>) with the master identity key
/// <c>aziot_identityd_master_id</c>, which never leaves the Key Service. Names and derivation are those of Azure IoT Identity Service, so
/// that a device that comes from there keeps its modules' keys.
/// </summary>
/// <remarks>Every member throws the Key Service's problems. Safe from any thread.</remarks>
internal sealed class ModuleKeys(SymmetricKeyClient keyd)
{
    public const string MasterKeyId = "aziot_identityd_master_id";

    private const string Usage = "derive,sign";

    // What no module's key is derived with: a module id has no line feed.
    private static readonly byte[] MarkData = "EstProv\nmark"u8.ToArray();

    private const int MarkBytes = 9;

    private readonly Lock _gate = new();
    private string? _master;
    private string? _mark;

    /// <summary>The handle of a module's primary key.</summary>
    public string Handle(string moduleId, string generationId)
        => WithMaster(master => keyd.Derive(master, Data(moduleId, generationId, "primary")));

    /// <summary>Both keys of a module, to be registered in the hub and given up at once.</summary>
    public SasAuthentication Export(string moduleId, string generationId)
    {
        var primary = Export(moduleId, generationId, "primary");
        try
        {
            return new SasAuthentication(primary, Export(moduleId, generationId, "secondary"));
        }
        catch
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(primary);
            throw;
        }
    }

    /// <summary>
    /// Tells one master key from another, and nothing about either: the start of a MAC by a key that is derived from it. What was
    /// registered under another mark is of no use any more.
    /// </summary>
    public string Mark()
    {
        lock (_gate)
        {
            if (_mark is { } known) return known;
        }

        var mark = WithMaster(master =>
            Base64Url.EncodeToString(keyd.HmacSha256(keyd.Derive(master, MarkData), MarkData).AsSpan(0, MarkBytes)));
        lock (_gate) return _mark = mark;
    }

    private byte[] Export(string moduleId, string generationId, string which)
        => WithMaster(master => keyd.Export(keyd.Derive(master, Data(moduleId, generationId, which))));

    private T WithMaster<T>(Func<string, T> use)
    {
        string? master;
        lock (_gate) master = _master;
        if (master is not null)
        {
            try
            {
                return use(master);
            }
            catch (ProblemException stale) when (stale.Code is "handle_invalid" or "key_not_found")
            {
                // The Key Service's state was made anew, and the master key maybe with it.
                lock (_gate) (_master, _mark) = (null, null);
            }
        }

        master = Master();
        lock (_gate) _master = master;
        return use(master);
    }

    private string Master()
    {
        try
        {
            return keyd.Load(MasterKeyId);
        }
        catch (ProblemException missing) when (missing.Code == "key_not_found")
        {
            return keyd.Create(MasterKeyId, Usage);
        }
    }

    private static byte[] Data(string moduleId, string generationId, string which)
        => Encoding.UTF8.GetBytes($"{moduleId}:{generationId}:{which}");
}
