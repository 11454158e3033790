import WireFormats

extension RequestParser {
    /// An image with its place in the request.
    struct PlacedImage {
        let image: RequestedImage
        let pointer: JSONPointer
    }

    mutating func readImages() -> [PlacedImage] {
        let pointer = JSONPointer.root.appending("images")
        guard root["images"] != nil else {
            fault(pointer, .required, "images is required")
            return []
        }
        let values = array(root, "images", at: .root, maximum: RequestLimits.images)
        if root["images"]?.array?.isEmpty == true { fault(pointer, .required, "at least one image is required") }
        var images: [PlacedImage] = []
        var seen: Set<ImageReference> = []
        for (index, value) in values.enumerated() {
            let place = pointer.appending(index)
            guard let image = readImage(value, at: place) else { continue }
            if seen.insert(image.reference).inserted {
                images.append(PlacedImage(image: image, pointer: place))
            } else {
                fault(place, .duplicate, "the same image is in the list before")
            }
        }
        return images
    }

    private mutating func readImage(_ value: JSONValue, at pointer: JSONPointer) -> RequestedImage? {
        if value.string != nil {
            return reference(value, at: pointer).map { RequestedImage(reference: $0) }
        }
        guard value.object != nil else {
            fault(pointer, .wrongType, "expected a string or an object, found \(value.kindName)")
            return nil
        }
        guard let object = object(value, at: pointer, fields: ["image", "secretRef"]) else { return nil }
        let secret = readSecretReference(object, at: pointer)
        guard let text = object["image"] else {
            fault(pointer.appending("image"), .required, "image is required")
            return nil
        }
        return reference(text, at: pointer.appending("image")).map {
            RequestedImage(reference: $0, secretName: secret)
        }
    }

    private mutating func reference(_ value: JSONValue, at pointer: JSONPointer) -> ImageReference? {
        guard let text = string(value, at: pointer, maximum: ImageReference.maximumLength) else { return nil }
        do {
            return try ImageReference(parsing: text)
        } catch {
            fault(pointer, .invalidReference, error.message)
            return nil
        }
    }

    /// `secretRef: {"name": …}`; nothing when it is not there or wrong.
    mutating func readSecretReference(_ object: JSONObject, at pointer: JSONPointer) -> String? {
        guard let value = object["secretRef"] else { return nil }
        let place = pointer.appending("secretRef")
        guard let reference = self.object(value, at: place, fields: ["name"]) else { return nil }
        guard let name = requiredString(reference, "name", at: place, maximum: 253) else { return nil }
        guard KubernetesNames.isSubdomain(name) else {
            fault(place.appending("name"), .invalidValue, KubernetesNames.subdomainRule)
            return nil
        }
        guard !KubernetesNames.isReservedSecret(name) else {
            fault(place.appending("name"), .notAllowed, KubernetesNames.reservedSecretRule)
            return nil
        }
        return name
    }
}
