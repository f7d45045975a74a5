#include "attribute.h"
#include "functions.h"
#include "module.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

/* With the lock held, for a session that begins a search: all that matches, as it stands now. */
static CK_RV collect(struct search *search, const CK_ATTRIBUTE *attributes, size_t count)
{
    search->found = calloc(object_count() + 1, sizeof(*search->found));
    if (search->found == NULL)
        return CKR_HOST_MEMORY;
    for (size_t i = 0; i < object_count(); i++) {
        const struct object *const object = object_at(i);

        if (object != NULL && attributes_match(object, attributes, count))
            search->found[search->count++] = object->handle;
    }
    search->active = true;
    return CKR_OK;
}

/* The session, with the lock held; or without it, NULL and why. */
static struct session *enter_session(CK_SESSION_HANDLE handle, CK_RV *value)
{
    struct session *session;

    *value = module_enter();
    if (*value != CKR_OK)
        return NULL;
    session = session_find(handle);
    if (session == NULL)
        *value = module_leave(CKR_SESSION_HANDLE_INVALID);
    return session;
}

/* Programs look for data and secret keys, too: there never are any, and no daemon is asked for them. */
static bool may_match(const CK_ATTRIBUTE *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CK_OBJECT_CLASS class;

        if (attributes[i].type != CKA_CLASS)
            continue;
        if (attributes[i].pValue == NULL || attributes[i].ulValueLen != sizeof(class))
            return false;
        memcpy(&class, attributes[i].pValue, sizeof(class));
        if (class != CKO_PRIVATE_KEY && class != CKO_PUBLIC_KEY && class != CKO_CERTIFICATE)
            return false;
    }
    return true;
}

CK_RV find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV value;
    struct session *session = enter_session(handle, &value);

    if (session == NULL)
        return value;
    if (attributes == NULL && count > 0)
        return module_leave(CKR_ARGUMENTS_BAD);
    if (session->search.active)
        return module_leave(CKR_OPERATION_ACTIVE);
    (void)module_leave(CKR_OK);
    value = may_match(attributes, count) ? objects_refresh() : CKR_OK;
    if (value != CKR_OK)
        return value;
    session = enter_session(handle, &value);
    if (session == NULL)
        return value;
    return module_leave(session->search.active ? CKR_OPERATION_ACTIVE
                                               : collect(&session->search, attributes, count));
}

CK_RV find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG most, CK_ULONG *count)
{
    CK_RV value;
    struct session *const session = enter_session(handle, &value);

    if (session == NULL)
        return value;
    if (count == NULL || (objects == NULL && most > 0))
        return module_leave(CKR_ARGUMENTS_BAD);
    if (!session->search.active)
        return module_leave(CKR_OPERATION_NOT_INITIALIZED);
    for (*count = 0; *count < most && session->search.told < session->search.count; (*count)++)
        objects[*count] = session->search.found[session->search.told++];
    return module_leave(CKR_OK);
}

CK_RV find_objects_final(CK_SESSION_HANDLE handle)
{
    CK_RV value;
    struct session *const session = enter_session(handle, &value);

    if (session == NULL)
        return value;
    value = session->search.active ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
    search_end(&session->search);
    return module_leave(value);
}

CK_RV get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ATTRIBUTE *attributes,
                          CK_ULONG count)
{
    CK_RV value;
    const struct object *object;

    if (enter_session(handle, &value) == NULL)
        return value;
    object = object_find(object_handle);
    if (object == NULL)
        return module_leave(CKR_OBJECT_HANDLE_INVALID);
    if (attributes == NULL && count > 0)
        return module_leave(CKR_ARGUMENTS_BAD);
    return module_leave(attributes_tell(object, attributes, count));
}

CK_RV get_object_size(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ULONG *size)
{
    CK_RV value;

    if (enter_session(handle, &value) == NULL)
        return value;
    if (object_find(object_handle) == NULL)
        return module_leave(CKR_OBJECT_HANDLE_INVALID);
    if (size == NULL)
        return module_leave(CKR_ARGUMENTS_BAD);
    *size = CK_UNAVAILABLE_INFORMATION;
    return module_leave(CKR_OK);
}
