using System.Globalization;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Hub;
using EstProv.Identity.Local;
using EstProv.Identity.Modules;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>/identities/modules</c>, of module identities (<c>type=aziot</c>) and local ones (<c>type=local</c>). An answer that is served as it
/// was seen last, since the hub cannot be asked, has its age in seconds in the header <c>Age</c> (RFC 9111 section 5.1).
/// </summary>
internal sealed class ModuleRoutes(
    IdentityRights rights, ModuleService modules, ModuleKeys keys, KeydQueries keyd, KeyHandles handles, LocalIdentities local)
{
    private const string Aziot = "aziot";

    /// <summary>A registration, and a question before and after it.</summary>
    public static readonly RouteOptions Slow = new() { Deadline = TimeSpan.FromSeconds(110) };

    public void Map(LocalServer server)
    {
        server.Map("GET", "/identities/modules", ApiVersions.All, List, Slow);
        server.Map("POST", "/identities/modules", ApiVersions.All, Create, Slow);
        server.Map("GET", "/identities/modules/{id}", ApiVersions.All, Get, Slow);
        server.Map("PUT", "/identities/modules/{id}", ApiVersions.All, Update, Slow);
        server.Map("DELETE", "/identities/modules/{id}", ApiVersions.All, Delete, Slow);
    }

    /// <summary>The identity of a module that a <c>[[principal]]</c> is; made where the hub does not have it yet.</summary>
    public void WriteOwnModule(LocalRequest request, LocalResponse response, IdentityPrincipal principal)
    {
        var module = Wait(OwnAsync(principal, request.Stopping));
        if (principal.IsCertified) WriteCertified(request, response, module);
        else WriteModule(response, module);
    }

    public void WriteOwnLocal(LocalRequest request, LocalResponse response, IdentityPrincipal principal)
        => WriteLocal(response, principal.Name, principal.IsLocalServer, request.Stopping);

    private async Task<ModuleIdentity> OwnAsync(IdentityPrincipal principal, CancellationToken cancel)
    {
        var name = principal.Name;
        try
        {
            var module = await modules.GetAsync(name, cancel);
            if (modules.IsCertified(name) == principal.IsCertified) return module;
            // The configuration was changed a moment ago.
            return principal.IsCertified ? await modules.EnsureCertifiedAsync(name, null, null, always: false, cancel)
                : await modules.UpdateAsync(name, null, cancel);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            return principal.IsCertified ? await modules.EnsureCertifiedAsync(name, null, [], always: false, cancel)
                : await modules.EnsureHostsAsync(name, [], cancel);
        }
    }

    private void List(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "list the module identities");
        if (TypeOf(request, null) != Aziot)
        {
            throw new ProblemException("identity_type", "local identities are not listed: each is made when it is asked for",
                "ask with type=aziot", 400);
        }

        var list = Wait(modules.ListAsync(request.Stopping));
        WriteAge(response, list.Age);
        IdentityJson.WriteModules(response.Json(), list);
    }

    private void Create(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "create identities");
        var body = request.Json(ModuleRequest.Read);
        var type = CheckType(body.Type ?? throw request.MissingField("type"));
        var name = ModuleRequest.CheckName(body.ModuleId ?? throw request.MissingField("moduleId"));
        if (type == IdentityRights.Local)
        {
            // Its options are the principal's own.
            if (rights.Find(IdentityRights.Local, name) is not null)
            {
                throw new ProblemException("local_id_exists", $"the local identity '{name}' is that of a [[principal]]",
                    $"get it with GET /identities/modules/{name}?type=local", 400);
            }

            WriteLocal(response, name, body.IsServer, request.Stopping);
            return;
        }

        var managedBy = CheckManagedBy(body);
        if (IsCertified(name))
            WriteCertified(request, response, Wait(modules.EnsureCertifiedAsync(name, managedBy, null, always: true, request.Stopping)));
        else
            WriteModule(response, Wait(modules.CreateAsync(name, managedBy, request.Stopping)));
    }

    private void Get(LocalRequest request, LocalResponse response)
    {
        var name = request.Route("id");
        if (request.Query("type") == IdentityRights.Local)
        {
            rights.RequireOwn(request.Peer, IdentityRights.Local, name, $"get the local identity '{name}'");
            var principal = rights.Find(IdentityRights.Local, name) ?? throw new ProblemException("local_id_not_found",
                $"no [[principal]] has the local identity '{ModuleRequest.CheckName(name)}'",
                "make one with POST /identities/modules, or add \"local\" to a principal's idtype", 400);
            WriteLocal(response, name, principal.IsLocalServer, request.Stopping);
            return;
        }

        rights.RequireOwn(request.Peer, IdentityRights.Module, name, $"get the module identity '{name}'");
        TypeOf(request, null);
        ModuleRequest.CheckName(name);
        if (rights.Find(IdentityRights.Module, name) is { } own) WriteOwnModule(request, response, own);
        else WriteModule(response, Wait(modules.GetAsync(name, request.Stopping)));
    }

    private void Update(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "change identities");
        var body = request.Body.IsEmpty ? new ModuleRequest(null, null, null, false) : request.Json(ModuleRequest.Read);
        RequireAziot(TypeOf(request, body.Type), "changed");
        var name = ModuleRequest.CheckName(request.Route("id"));
        if (body.ModuleId is { } other && other != name)
        {
            throw new ProblemException("module_id", $"the body is for another module than '{name}'",
                "a module cannot be renamed: delete it and create another", 400);
        }

        var managedBy = CheckManagedBy(body);
        if (IsCertified(name)) WriteCertified(request, response, Wait(UpdateCertifiedAsync(name, managedBy, request.Stopping)));
        else WriteModule(response, Wait(modules.UpdateAsync(name, managedBy, request.Stopping)));
    }

    private void Delete(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "delete identities");
        RequireAziot(TypeOf(request, null), "deleted");
        var name = ModuleRequest.CheckName(request.Route("id"));
        if (rights.Find(IdentityRights.Module, name) is not null)
        {
            throw new ProblemException("module_configured", $"the module '{name}' is that of a [[principal]]",
                "remove the principal: its module is removed with it", 400);
        }

        Wait(modules.DeleteAsync(name, $"user {request.Peer.Uid} asked for it", request.Stopping));
        response.NoContent();
    }

    private void WriteModule(LocalResponse response, ModuleIdentity module)
    {
        var handle = handles.Get($"{module.ModuleId}\n{module.GenerationId}", module,
            known => keys.Handle(known.ModuleId, known.GenerationId));
        WriteAge(response, module.Age);
        IdentityJson.WriteModule(response.Json(), module, handle);
    }

    /// <summary>A module of a principal with <c>auth = "x509"</c>, whoever asks for it.</summary>
    private void WriteCertified(LocalRequest request, LocalResponse response, ModuleIdentity module)
    {
        var id = ModuleCertificates.IdOf(module.ModuleId);
        string handle;
        try
        {
            handle = handles.Get(id, keyd.PairHandle);
        }
        catch (ProblemException missing) when (missing.Code == "key_not_found")
        {
            // The token was exchanged or cleared: another key and certificate are made.
            module = Wait(modules.EnsureCertifiedAsync(module.ModuleId, null, null, always: false, request.Stopping));
            handle = handles.Get(id, keyd.PairHandle);
        }

        WriteAge(response, module.Age);
        IdentityJson.WriteModule(response.Json(), module, handle, id);
    }

    private async Task<ModuleIdentity> UpdateCertifiedAsync(string name, string? managedBy, CancellationToken cancel)
    {
        // As with any other, there is no making one by changing it.
        await modules.GetAsync(name, cancel);
        return await modules.EnsureCertifiedAsync(name, managedBy, null, always: true, cancel);
    }

    private bool IsCertified(string name) => rights.Find(IdentityRights.Module, name) is { IsCertified: true };

    private void WriteLocal(LocalResponse response, string name, bool isServer, CancellationToken cancel)
    {
        using var identity = local.Issue(name, isServer, cancel);
        response.Secret = true;
        identity.Write(response.Json());
    }

    private static void WriteAge(LocalResponse response, TimeSpan? age)
    {
        if (age is { } known) response.Header("Age", ((long)known.TotalSeconds).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Handlers run on threads that may block.</summary>
    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    /// <param name="inBody">What the body says; where both speak, they have to agree.</param>
    private static string TypeOf(LocalRequest request, string? inBody)
    {
        var inQuery = request.Query("type");
        if (inQuery is not null && inBody is not null && inQuery != inBody)
            throw new ProblemException("identity_type", "the query and the body name different types", "ask with ?type=aziot", 400);
        return CheckType(inQuery ?? inBody ?? throw new ProblemException("identity_type",
            $"{request.Method} {request.Path} needs the type of the identity", "ask with ?type=aziot", 400));
    }

    private static string CheckType(string type)
        => type is Aziot or IdentityRights.Local ? type : throw IdentityRoutes.UnknownType(type, "'aziot' or 'local'");

    private static void RequireAziot(string type, string done)
    {
        if (type == Aziot) return;
        throw new ProblemException("identity_type", $"local identities are not {done}: each is made when it is asked for",
            "ask with ?type=aziot", 400);
    }

    private static string? CheckManagedBy(ModuleRequest body)
        => body.ManagedBy is { } managedBy ? ModuleRequest.CheckName(managedBy, "managedBy") : null;
}
