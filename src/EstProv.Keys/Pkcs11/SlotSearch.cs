using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>Finds the slot that a URI means, and says precisely why it cannot.</summary>
internal static class SlotSearch
{
    /// <exception cref="ProblemException"><c>token_no_slot</c>, <c>token_absent</c>, <c>token_not_found</c>, <c>token_ambiguous</c>,
    /// <c>token_not_initialized</c>, <c>module_mismatch</c>, <c>token_error</c>.</exception>
    public static TokenFacts Find(Pkcs11Module module, Pkcs11Uri uri)
    {
        CheckModule(module, uri);
        var slots = Slots(module);
        if (slots.Length == 0)
        {
            throw new ProblemException("token_no_slot", $"the PKCS#11 module {module.Path} has no slot at all",
                "check the module's own configuration (for SoftHSM2: SOFTHSM2_CONF) and its device", 503);
        }

        if (uri.SlotId is { } wanted && !slots.Contains(wanted))
        {
            throw new ProblemException("token_no_slot", $"the PKCS#11 module {module.Path} has no slot {wanted}; it has {List(module, slots)}",
                "correct slot-id, or name the token by its label: pkcs11:token=LABEL", 503);
        }

        var found = new List<TokenFacts>();
        var absent = false;
        foreach (var slot in slots)
        {
            if (uri.SlotId is { } only && slot != only) continue;
            if (!SlotMatches(module, slot, uri)) continue;
            var info = default(CK_TOKEN_INFO);
            SystemRefusal.Forget();
            var result = module.Library.C_GetTokenInfo(slot, ref info);
            if (result != CKR.CKR_OK && SystemRefusal.Happened) throw SystemRefusal.Explain($"reading the token in slot {slot}", $"the PKCS#11 module {module.Path}");
            if (result is CKR.CKR_TOKEN_NOT_PRESENT or CKR.CKR_DEVICE_REMOVED)
            {
                absent = true;
                continue;
            }

            if (result != CKR.CKR_OK) throw Pkcs11Problem.Explain(result, "reading the token's description", $"slot {slot}");
            var facts = TokenFacts.From(slot, info);
            if (Matches(facts, uri)) found.Add(facts);
        }

        if (found.Count == 0)
        {
            throw absent && uri.SlotId is not null
                ? new ProblemException("token_absent", $"slot {uri.SlotId} has no token", "insert the token; it is tried again by itself", 503)
                : new ProblemException("token_not_found", $"no token matches {uri}; there is {List(module, slots)}",
                    "correct the token's label or serial number, or insert the token; it is tried again by itself", 503);
        }

        // An uninitialised token is only meant when nothing else fits: SoftHSM2 always shows one.
        if (found.Count > 1) found.RemoveAll(static token => !token.Has(CKF.CKF_TOKEN_INITIALIZED));
        if (found.Count > 1)
        {
            throw new ProblemException("token_ambiguous", $"{found.Count} tokens match {uri}: {List(module, slots)}",
                "add token=LABEL, serial=NUMBER or slot-id=NUMBER", 503);
        }

        if (found.Count == 0 || !found[0].Has(CKF.CKF_TOKEN_INITIALIZED))
        {
            throw new ProblemException("token_not_initialized", $"the token that {uri} names is not initialised",
                "initialise it with a label and a user PIN (pkcs11-tool --init-token, then --init-pin)", 503);
        }

        return found[0];
    }

    private static ulong[] Slots(Pkcs11Module module)
    {
        ulong count = 0;
        SystemRefusal.Forget();
        var result = module.Library.C_GetSlotList(false, null!, ref count);
        if (result != CKR.CKR_OK && SystemRefusal.Happened) throw SystemRefusal.Explain("listing the slots", $"the PKCS#11 module {module.Path}");
        if (result != CKR.CKR_OK) throw Pkcs11Problem.Explain(result, "listing the slots", $"the module {module.Path}");
        var slots = new ulong[count];
        if (count == 0) return slots;
        result = module.Library.C_GetSlotList(false, slots, ref count);
        if (result is not (CKR.CKR_OK or CKR.CKR_BUFFER_TOO_SMALL)) throw Pkcs11Problem.Explain(result, "listing the slots", $"the module {module.Path}");
        return slots[..(int)Math.Min(count, (ulong)slots.Length)];
    }

    private static bool Matches(TokenFacts token, Pkcs11Uri uri) => (uri.Token is null || uri.Token == token.Label)
        && (uri.Serial is null || uri.Serial == token.Serial)
        && (uri.Manufacturer is null || uri.Manufacturer == token.Manufacturer)
        && (uri.Model is null || uri.Model == token.Model);

    private static bool SlotMatches(Pkcs11Module module, ulong slot, Pkcs11Uri uri)
    {
        if (uri.SlotDescription is null && uri.SlotManufacturer is null) return true;
        var info = default(CK_SLOT_INFO);
        if (module.Library.C_GetSlotInfo(slot, ref info) != CKR.CKR_OK) return false;
        return (uri.SlotDescription is null || uri.SlotDescription == TokenFacts.Text(info.SlotDescription))
            && (uri.SlotManufacturer is null || uri.SlotManufacturer == TokenFacts.Text(info.ManufacturerId));
    }

    // There is one module, [pkcs11] lib_path: what a URI says of the module can only agree with it.
    private static void CheckModule(Pkcs11Module module, Pkcs11Uri uri)
    {
        if (uri.ModulePath is { } path && path != module.Path) throw Mismatch(module, uri, "module-path");
        if (uri.ModuleName is { } name)
        {
            var file = Path.GetFileName(module.Path);
            var end = file.IndexOf(".so", StringComparison.Ordinal);
            var plain = end < 0 ? file : file[..end];
            if (name != plain && "lib" + name != plain) throw Mismatch(module, uri, "module-name");
        }

        if (uri.LibraryManufacturer is null && uri.LibraryDescription is null && uri.LibraryVersion is null) return;
        var info = default(CK_INFO);
        var result = module.Library.C_GetInfo(ref info);
        if (result != CKR.CKR_OK) throw Pkcs11Problem.Explain(result, "reading the module's description", $"the module {module.Path}");
        if (uri.LibraryManufacturer is { } manufacturer && manufacturer != TokenFacts.Text(info.ManufacturerId)) throw Mismatch(module, uri, "library-manufacturer");
        if (uri.LibraryDescription is { } description && description != TokenFacts.Text(info.LibraryDescription)) throw Mismatch(module, uri, "library-description");
        var version = $"{info.LibraryVersion.Major[0]}.{info.LibraryVersion.Minor[0]}";
        if (uri.LibraryVersion is { } asked && asked != version && asked + ".0" != version) throw Mismatch(module, uri, "library-version");
    }

    private static ProblemException Mismatch(Pkcs11Module module, Pkcs11Uri uri, string attribute) => new("module_mismatch",
        $"{uri} asks by {attribute} for another module than {module.Path}", "there is one module, lib_path in [pkcs11]: remove the attribute", 503);

    private static string List(Pkcs11Module module, ulong[] slots)
    {
        const int Most = 8;
        var parts = new List<string>();
        foreach (var slot in slots.AsSpan(0, Math.Min(slots.Length, Most)))
        {
            var info = default(CK_TOKEN_INFO);
            var result = module.Library.C_GetTokenInfo(slot, ref info);
            parts.Add(result != CKR.CKR_OK ? $"slot {slot} (no token)"
                : (info.Flags & CKF.CKF_TOKEN_INITIALIZED) == 0 ? $"slot {slot} (not initialised)"
                : $"slot {slot} (token '{TokenFacts.Text(info.Label)}', serial {TokenFacts.Text(info.SerialNumber)})");
        }

        if (slots.Length > Most) parts.Add($"{slots.Length - Most} more");
        return string.Join(", ", parts);
    }
}
